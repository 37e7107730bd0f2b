//! Several instances of the function behind one entry point, as Lambda runs them with reserved
//! concurrency: each handles one event at a time, a request waits while all are busy, and an
//! instance that dies takes its request with it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::sync::{Mutex, Notify, mpsc};

use crate::function::{Answer, Cpu, Function};

/// Running instances. They end when dropped.
pub struct Pool {
    program: PathBuf,
    environment: Vec<(String, String)>,
    instances: Vec<Instance>,
    /// The numbers of idle instances.
    idle: Mutex<mpsc::UnboundedReceiver<usize>>,
    done: mpsc::UnboundedSender<usize>,
    kills: Kills,
}

struct Instance {
    /// `None` only between the end of one process and the start of the next.
    function: Mutex<Option<Function>>,
    kill: Notify,
}

/// How often an instance was killed.
#[derive(Default)]
pub struct Kills {
    /// While it had a request that it had not answered.
    pub in_flight: AtomicUsize,
    /// While it was starting, with a request waiting for it.
    pub starting: AtomicUsize,
    /// While it was idle.
    pub idle: AtomicUsize,
}

/// What an instance has used so far.
pub struct Reading {
    /// Resident memory in kilobytes.
    pub memory: u64,
    pub cpu: Cpu,
}

impl Pool {
    /// Starts this number of instances, and returns when all of them wait for a request.
    pub async fn start(
        program: PathBuf,
        environment: Vec<(String, String)>,
        instances: usize,
    ) -> Result<Self> {
        let (done, idle) = mpsc::unbounded_channel();
        let mut pool = Self {
            program,
            environment,
            instances: Vec::new(),
            idle: Mutex::new(idle),
            done,
            kills: Kills::default(),
        };
        for number in 0..instances {
            let mut function = pool.function().await?;
            function.until_ready().await?;
            pool.instances.push(Instance {
                function: Mutex::new(Some(function)),
                kill: Notify::new(),
            });
            pool.done.send(number)?;
        }
        Ok(pool)
    }

    /// Has any instance answer an event; waits while all are busy. If the instance is killed, the
    /// answer is API Gateway's: 503, without knowing what was done.
    pub async fn call(&self, event: String) -> Result<Answer> {
        let number = self.idle.lock().await.recv().await;
        let number = number.context("no instance is left")?;
        let instance = &self.instances[number];
        let mut place = instance.function.lock().await;
        let function = place.as_mut().context("the instance did not start")?;
        let answer = tokio::select! {
            answer = function.call(event) => Some(answer?),
            () = instance.kill.notified() => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            None => {
                let count = if function.is_working() {
                    &self.kills.in_flight
                } else {
                    &self.kills.starting
                };
                count.fetch_add(1, Relaxed);
                self.replace(&mut place).await?;
                Answer {
                    status: 503,
                    headers: json!({"content-type": "application/json"}),
                    body: json!({"message": "Service Unavailable"}),
                    line: json!({}),
                    wall: Duration::ZERO,
                }
            }
        };
        drop(place);
        self.done.send(number)?;
        Ok(answer)
    }

    /// Kills an instance with SIGKILL, whatever it is doing, and starts a replacement.
    pub async fn kill(&self, number: usize) -> Result<()> {
        let instance = &self.instances[number];
        match instance.function.try_lock() {
            Ok(mut place) => {
                self.kills.idle.fetch_add(1, Relaxed);
                self.replace(&mut place).await
            }
            // The caller that waits for its answer notices.
            Err(_) => {
                instance.kill.notify_one();
                Ok(())
            }
        }
    }

    pub fn kills(&self) -> &Kills {
        &self.kills
    }

    /// The usage of each instance, read when it is idle.
    pub async fn read(&self) -> Result<Vec<Reading>> {
        let mut readings = Vec::new();
        for instance in &self.instances {
            let mut place = instance.function.lock().await;
            let function = place.as_mut().context("the instance did not start")?;
            function.until_idle().await?;
            readings.push(Reading {
                memory: function.memory("VmRSS")?,
                cpu: function.cpu()?,
            });
        }
        Ok(readings)
    }

    async fn replace(&self, place: &mut Option<Function>) -> Result<()> {
        // Dropping the function kills its process, so it must happen first.
        drop(place.take());
        *place = Some(self.function().await?);
        Ok(())
    }

    async fn function(&self) -> Result<Function> {
        let environment: Vec<_> = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Function::start(&self.program, &environment, true).await
    }
}

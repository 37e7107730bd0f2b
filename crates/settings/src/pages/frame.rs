//! What every page has: the tenant's name, the way to the other pages, the end of the session.

use store::sessions::Scope;

use crate::asked::Asked;
use crate::assets::ASSETS;
use crate::guard::Visit;
use crate::html::Html;
use crate::texts::Texts;

/// What every page has.
pub struct Base {
    pub t: &'static Texts,
    pub style: &'static str,
    pub script: &'static str,
    pub icon: &'static str,
    /// Where the page is.
    pub path: String,
    /// The same with its query: where it is seen again in another language.
    pub here: String,
    /// Whether what the page shows is lost when it is left.
    pub is_once: bool,
    /// Where the product has another link.
    pub way_back: Option<String>,
    pub nav: Vec<Item>,
    pub visit: Option<Shown>,
}

/// A way to another page.
pub struct Item {
    pub path: &'static str,
    pub name: &'static str,
    pub is_here: bool,
}

/// What is shown of a session.
pub struct Shown {
    pub name: String,
    pub token: String,
    pub ends: Html,
    pub is_view: bool,
}

/// A link or a button's target.
pub struct Link {
    pub path: String,
    pub name: &'static str,
    pub is_outside: bool,
}

impl Link {
    pub fn to(path: &str, name: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            name,
            is_outside: false,
        }
    }

    /// A way out of this page.
    pub fn outside(url: &str, name: &'static str) -> Self {
        Self {
            path: url.to_owned(),
            name,
            is_outside: true,
        }
    }
}

impl Base {
    /// What the page under this path has.
    pub fn of(asked: &Asked, path: &str, visit: Option<&Visit>) -> Self {
        let t = asked.language.texts();
        let pages = [
            ("/settings", t.nav_overview),
            ("/settings/connect", t.nav_connect),
            ("/settings/keys", t.nav_keys),
            ("/settings/clients", t.clients.nav),
            ("/settings/activity", t.nav_activity),
            ("/settings/requests", t.nav_requests),
            ("/settings/people", t.nav_people),
            ("/settings/safety", t.nav_safety),
        ];
        let here = pages
            .iter()
            .filter(|(page, _)| path.starts_with(page))
            .max_by_key(|(page, _)| page.len())
            .map(|(page, _)| *page);
        let nav = pages.into_iter().map(|(page, name)| Item {
            path: page,
            name,
            is_here: here == Some(page),
        });
        Self {
            t,
            style: &ASSETS.style.name,
            script: &ASSETS.script.name,
            icon: &ASSETS.icon.name,
            path: path.to_owned(),
            here: asked.here.clone(),
            is_once: false,
            way_back: way_back(asked, visit),
            nav: nav.collect(),
            visit: visit.map(|visit| Shown {
                name: visit.account.tenant().name.clone(),
                token: visit.form_token(),
                ends: Html::clock(visit.session.ends()),
                is_view: visit.session.scope == Scope::View,
            }),
        }
    }

    /// What a page has that says why another one is not shown.
    pub fn message(asked: &Asked, visit: Option<&Visit>) -> Self {
        Self::of(asked, "", visit)
    }
}

/// Where another link is to be had: as the session says, or the browser keeps it from the last one.
pub fn way_back(asked: &Asked, visit: Option<&Visit>) -> Option<String> {
    let known = visit.and_then(|visit| visit.session.return_url.clone());
    known.or_else(|| asked.way_back.clone())
}

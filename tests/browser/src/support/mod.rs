//! What the tests stand on: the site, a browser, what they look for on a page.

pub mod axe;
pub mod browser;
pub mod driver;
pub mod entra;
pub mod gateway;
pub mod log;
pub mod pictures;
pub mod plain;
pub mod site;

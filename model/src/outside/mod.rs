//! The outside world: fakes of the systems that the platform talks to, with their real behaviour. Nothing here
//! crashes, and nothing here knows how the platform is built.

pub mod balancer;
pub mod cache;
pub mod clerk;
pub mod clinic;
pub mod customer;
pub mod documents;
pub mod edge;
pub mod feed;
pub mod guest;
pub mod host;
pub mod hotel;
pub mod importer;
pub mod mail_provider;
pub mod on_call;
pub mod operator;
pub mod pager;
pub mod partner;
pub mod registry;
pub mod reviewer;
pub mod shopper;
pub mod supervisor;
pub mod traveller;
pub mod viewer;

//! HTTP between nodes: with whole requests, and over streams.

mod booking_partner;
mod http1;
mod requests;

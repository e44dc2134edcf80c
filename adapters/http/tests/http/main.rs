//! HTTP between nodes: with whole requests, and over streams.

mod http1;
mod requests;

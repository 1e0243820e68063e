//! Promises to clients and operators: keep-alive, requests in order, graceful shutdown, rebuilds
//! without a lost request, examples that work as documented.
#![forbid(unsafe_code)]

mod support;

#[path = "reliability/access_log.rs"]
mod access_log;
#[path = "reliability/cgroups.rs"]
mod cgroups;
#[path = "reliability/connections.rs"]
mod connections;
#[path = "reliability/doctor.rs"]
mod doctor;
#[path = "reliability/examples.rs"]
mod examples;
#[path = "reliability/faults.rs"]
mod faults;
#[path = "reliability/hand_back.rs"]
mod hand_back;
#[path = "reliability/inbound.rs"]
mod inbound_proxy;
#[path = "reliability/journal.rs"]
mod journal;
#[path = "reliability/kills.rs"]
mod kills;
#[path = "reliability/leaving.rs"]
mod leaving;
#[path = "reliability/lengths.rs"]
mod lengths;
#[path = "reliability/lifetime.rs"]
mod lifetime;
#[path = "reliability/notify.rs"]
mod notify;
#[path = "reliability/origin.rs"]
mod origin;
#[path = "reliability/packaging.rs"]
mod packaging;
#[path = "reliability/projects.rs"]
mod projects;
#[path = "reliability/rates.rs"]
mod rates;
#[path = "reliability/rebuilds.rs"]
mod rebuilds;
#[path = "reliability/serve.rs"]
mod serve;
#[path = "reliability/services.rs"]
mod services;
#[path = "reliability/stuck.rs"]
mod stuck;
#[path = "reliability/suspects.rs"]
mod suspects;
#[path = "reliability/uploads.rs"]
mod uploads;

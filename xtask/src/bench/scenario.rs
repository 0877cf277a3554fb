//! The scenarios: what is asked of a proxy, what is measured, and the bars.
//!
//! Nothing is run here; `measure.rs` does that.

use super::load::{Load, Persistence};
use super::proxy::Proxy;

/// One kind of work for a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// 128-byte bodies on 64 kept connections.
    Small,
    /// 10 KB bodies on 64 kept connections.
    TenKilobytes,
    /// 1 MiB bodies on 16 kept connections.
    Megabyte,
    /// A new connection for each request.
    Connect,
    /// Thousands of open connections without traffic.
    Idle,
    /// A proxy that has just started.
    Start,
}

/// How a scenario is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By a load generator.
    Traffic(Load),
    /// By holding connections open and reading the proxy's memory.
    IdleConnections(usize),
    /// By reading the memory of a fresh proxy.
    FreshStart,
}

/// One measured figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// CPU time per request, microseconds.
    Cpu,
    /// The part of it in user mode.
    User,
    /// The part of it in the kernel.
    System,
    /// Completed requests per second.
    Rate,
    /// Median latency, microseconds.
    P50,
    /// 99th percentile of latency, microseconds.
    P99,
    /// Resident memory, bytes.
    Rss,
    /// Share of the granted CPU that was used, percent.
    QuotaUsed,
    /// Resident memory per idle connection, bytes.
    BytesPerConnection,
}

/// What a bar compares evener's figure with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Against {
    /// The best of these proxies in the same run.
    BestOf(&'static [Proxy]),
    /// Nothing: the figure itself, divided by this unit.
    Unit(f64, &'static str),
}

/// A figure that evener must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    /// What is compared.
    pub(crate) metric: Metric,
    /// With whom.
    pub(crate) against: Against,
    /// The most that passes.
    pub(crate) limit: f64,
    /// What is hoped for.
    pub(crate) aim: Option<f64>,
}

impl Scenario {
    /// Every scenario, in the order in which a full run takes them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Small, Self::TenKilobytes, Self::Megabyte, Self::Connect, Self::Idle, Self::Start];

    /// Reads a scenario's name.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == word);
        found.ok_or_else(|| format!("`{word}` is not a scenario: 128, 10k, 1m, connect, idle, start"))
    }

    /// The word for it on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "128",
            Self::TenKilobytes => "10k",
            Self::Megabyte => "1m",
            Self::Connect => "connect",
            Self::Idle => "idle",
            Self::Start => "start",
        }
    }

    /// The heading in a report.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Small => "128 bytes, keep-alive, 64 connections",
            Self::TenKilobytes => "10 KB, keep-alive, 64 connections",
            Self::Megabyte => "1 MiB, keep-alive, 16 connections",
            Self::Connect => "a new connection per request, 128 bytes, 64 at a time",
            Self::Idle => "memory per idle keep-alive connection, 4000 open",
            Self::Start => "memory at start, one worker",
        }
    }

    /// How it is carried out.
    pub(crate) fn kind(self) -> Kind {
        let traffic = |path, connections, persistence| Kind::Traffic(Load { path, connections, persistence });
        match self {
            Self::Small => traffic("/128", 64, Persistence::KeepAlive),
            Self::TenKilobytes => traffic("/10k", 64, Persistence::KeepAlive),
            Self::Megabyte => traffic("/1m", 16, Persistence::KeepAlive),
            Self::Connect => traffic("/128", 64, Persistence::Close),
            Self::Idle => Kind::IdleConnections(4000),
            Self::Start => Kind::FreshStart,
        }
    }

    /// The figures of its table, the first being the one that ratios are made of.
    pub(crate) fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Small | Self::TenKilobytes | Self::Megabyte | Self::Connect => &[
                Metric::Cpu,
                Metric::User,
                Metric::System,
                Metric::Rate,
                Metric::P50,
                Metric::P99,
                Metric::Rss,
                Metric::QuotaUsed,
            ],
            Self::Idle => &[Metric::BytesPerConnection],
            Self::Start => &[Metric::Rss],
        }
    }

    /// The share of its quota that a proxy must use for a turn to count, 0 to 1. With large bodies a
    /// proxy that never sees the bytes outruns any load generator on one core; its CPU time per
    /// request is then, if anything, overstated, because it wakes more often than it would have to.
    pub(crate) fn quota_used_least(self) -> f64 {
        match self {
            Self::Megabyte => 0.60,
            Self::Small | Self::TenKilobytes | Self::Connect | Self::Idle | Self::Start => 0.90,
        }
    }

    /// What evener must reach here.
    pub(crate) fn bars(self) -> Vec<Bar> {
        let cpu =
            |limit, aim| Bar { metric: Metric::Cpu, against: Against::BestOf(&Proxy::STANDARD), limit, aim: Some(aim) };
        match self {
            Self::Small => {
                let against = Against::BestOf(&[Proxy::Nginx]);
                vec![cpu(0.88, 0.80), Bar { metric: Metric::User, against, limit: 0.70, aim: Some(0.50) }]
            }
            Self::TenKilobytes => vec![cpu(0.90, 0.80)],
            Self::Megabyte => vec![cpu(0.45, 0.33)],
            Self::Connect => vec![cpu(1.00, 0.90)],
            Self::Idle => {
                let metric = Metric::BytesPerConnection;
                let haproxy = Against::BestOf(&[Proxy::Haproxy]);
                vec![Bar { metric, against: haproxy, limit: 1.0, aim: None }]
            }
            Self::Start => {
                let against = Against::Unit(1e6, "MB");
                vec![Bar { metric: Metric::Rss, against, limit: 10.0, aim: Some(5.0) }]
            }
        }
    }
}

impl Metric {
    /// The heading of its column, with the unit in which [`Metric::show`] writes it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU µs/request",
            Self::User => "user µs",
            Self::System => "system µs",
            Self::Rate => "requests/s",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Rss => "RSS MB",
            Self::QuotaUsed => "quota used %",
            Self::BytesPerConnection => "bytes/connection",
        }
    }

    /// The name in the saved figures.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_us",
            Self::User => "user_us",
            Self::System => "system_us",
            Self::Rate => "requests_per_second",
            Self::P50 => "p50_us",
            Self::P99 => "p99_us",
            Self::Rss => "rss_bytes",
            Self::QuotaUsed => "quota_used_percent",
            Self::BytesPerConnection => "bytes_per_connection",
        }
    }

    /// Writes a value in the unit of its column.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Cpu | Self::User | Self::System if value >= 100.0 => format!("{value:.0}"),
            Self::Cpu | Self::User | Self::System => format!("{value:.2}"),
            Self::Rate | Self::QuotaUsed | Self::BytesPerConnection => format!("{value:.0}"),
            Self::P50 | Self::P99 => format!("{:.2}", value / 1e3),
            Self::Rss => format!("{:.1}", value / 1e6),
        }
    }
}

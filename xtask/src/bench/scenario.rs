//! The scenarios: what is asked of a proxy, what is measured, and the bars.
//!
//! Nothing is run here; `measure.rs` does that.

use super::front::Front;
use super::load::{Ask, Load, Persistence};
use super::metric::Metric;
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
    /// 128-byte bodies under TLS on 64 kept connections.
    TlsSmall,
    /// 1 MiB bodies under TLS on 16 kept connections.
    TlsMegabyte,
    /// A new connection and a whole TLS handshake for each request.
    TlsHandshake,
    /// Thousands of open TLS connections without traffic.
    TlsIdle,
    /// HTTP/2: 128-byte bodies, 10 streams on each of 32 connections.
    H2Small,
    /// HTTP/2: 10 KB bodies, 10 streams on each of 32 connections.
    H2TenKilobytes,
    /// HTTP/2: 1 MiB bodies, 4 streams on each of 4 connections.
    H2Megabyte,
    /// 128 bytes to and fro through a TCP proxy, on 64 connections.
    TcpPingPong,
    /// 1 MiB to and fro through a TCP proxy, on 16 connections.
    TcpMegabyte,
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
    pub(crate) const ALL: [Self; 15] = [
        Self::Small,
        Self::TenKilobytes,
        Self::Megabyte,
        Self::Connect,
        Self::Idle,
        Self::Start,
        Self::TlsSmall,
        Self::TlsMegabyte,
        Self::TlsHandshake,
        Self::TlsIdle,
        Self::H2Small,
        Self::H2TenKilobytes,
        Self::H2Megabyte,
        Self::TcpPingPong,
        Self::TcpMegabyte,
    ];

    /// Reads a scenario's name, or that of a group of them.
    pub(crate) fn parse(word: &str) -> Result<Vec<Self>, String> {
        let belongs = |scenario: &Self| match word {
            "http1" => scenario.front() == Front::Http1,
            "tls" | "h2" | "tcp" => scenario.name().split('-').next() == Some(word),
            name => scenario.name() == name,
        };
        let found: Vec<Self> = Self::ALL.into_iter().filter(belongs).collect();
        if found.is_empty() {
            let names = Self::ALL.map(Self::name).join(", ");
            return Err(format!("`{word}` is not a scenario: {names}; nor a group of them: http1, tls, h2, tcp"));
        }
        Ok(found)
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
            Self::TlsSmall => "tls-128",
            Self::TlsMegabyte => "tls-1m",
            Self::TlsHandshake => "tls-handshake",
            Self::TlsIdle => "tls-idle",
            Self::H2Small => "h2-128",
            Self::H2TenKilobytes => "h2-10k",
            Self::H2Megabyte => "h2-1m",
            Self::TcpPingPong => "tcp-pingpong",
            Self::TcpMegabyte => "tcp-1m",
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
            Self::TlsSmall => "TLS 1.3, 128 bytes, keep-alive, 64 connections",
            Self::TlsMegabyte => "TLS 1.3, 1 MiB, keep-alive, 16 connections",
            Self::TlsHandshake => "a new TLS 1.3 handshake (P-256) per request, 128 bytes, 64 at a time",
            Self::TlsIdle => "memory per idle TLS connection, 4000 open",
            Self::H2Small => "HTTP/2 over TLS, 128 bytes, 32 connections with 10 streams",
            Self::H2TenKilobytes => "HTTP/2 over TLS, 10 KB, 32 connections with 10 streams",
            Self::H2Megabyte => "HTTP/2 over TLS, 1 MiB, 4 connections with 4 streams",
            Self::TcpPingPong => "TCP proxy, 128 bytes to and fro are a request, 64 connections",
            Self::TcpMegabyte => "TCP proxy, 1 MiB to and fro is a request, 16 connections",
        }
    }

    /// How clients speak to the proxy.
    pub(crate) fn front(self) -> Front {
        match self {
            Self::Small | Self::TenKilobytes | Self::Megabyte | Self::Connect | Self::Idle | Self::Start => {
                Front::Http1
            }
            Self::TlsSmall
            | Self::TlsMegabyte
            | Self::TlsHandshake
            | Self::TlsIdle
            | Self::H2Small
            | Self::H2TenKilobytes
            | Self::H2Megabyte => Front::Https,
            Self::TcpPingPong | Self::TcpMegabyte => Front::Tcp,
        }
    }

    /// How it is carried out.
    pub(crate) fn kind(self) -> Kind {
        let traffic = |connections, ask| Kind::Traffic(Load { ask, connections });
        let kept = |path| Ask::Http1 { path, persistence: Persistence::KeepAlive };
        match self {
            Self::Small => traffic(64, kept("/128")),
            Self::TenKilobytes => traffic(64, kept("/10k")),
            Self::Megabyte => traffic(16, kept("/1m")),
            Self::Connect => traffic(64, Ask::Http1 { path: "/128", persistence: Persistence::Close }),
            Self::Idle | Self::TlsIdle => Kind::IdleConnections(4000),
            Self::Start => Kind::FreshStart,
            Self::TlsSmall => traffic(64, Ask::Https { path: "/128" }),
            Self::TlsMegabyte => traffic(16, Ask::Https { path: "/1m" }),
            Self::TlsHandshake => traffic(64, Ask::Handshake { path: "/128" }),
            Self::H2Small => traffic(32, Ask::H2 { path: "/128", streams: 10 }),
            Self::H2TenKilobytes => traffic(32, Ask::H2 { path: "/10k", streams: 10 }),
            // What is under way at the end of a turn is not counted, so with long bodies it must be little.
            Self::H2Megabyte => traffic(4, Ask::H2 { path: "/1m", streams: 4 }),
            Self::TcpPingPong => traffic(64, Ask::Echo { bytes: 128 }),
            Self::TcpMegabyte => traffic(16, Ask::Echo { bytes: 1 << 20 }),
        }
    }

    /// The figures of its table, the first being the one that ratios are made of.
    pub(crate) fn metrics(self) -> &'static [Metric] {
        match self.kind() {
            // `h2load` tells no percentiles.
            Kind::Traffic(Load { ask: Ask::H2 { .. }, .. }) => {
                &[Metric::Cpu, Metric::User, Metric::System, Metric::Rate, Metric::Rss, Metric::QuotaUsed]
            }
            Kind::Traffic(_) => &[
                Metric::Cpu,
                Metric::User,
                Metric::System,
                Metric::Rate,
                Metric::P50,
                Metric::P99,
                Metric::Rss,
                Metric::QuotaUsed,
            ],
            Kind::IdleConnections(_) => &[Metric::BytesPerConnection],
            Kind::FreshStart => &[Metric::Rss],
        }
    }

    /// The share of its quota that a proxy must use for a turn to count, 0 to 1. With large bodies a
    /// proxy that never sees the bytes outruns any load generator on one core; its CPU time per
    /// request is then, if anything, overstated, because it wakes more often than it would have to.
    /// A handshake costs its client nearly as much as its server, and so much of both is arithmetic
    /// that how often the proxy wakes hardly matters.
    pub(crate) fn quota_used_least(self) -> f64 {
        match self {
            Self::Megabyte | Self::TlsMegabyte | Self::H2Megabyte | Self::TcpMegabyte | Self::TlsHandshake => 0.60,
            Self::Small
            | Self::TenKilobytes
            | Self::Connect
            | Self::Idle
            | Self::Start
            | Self::TlsSmall
            | Self::TlsIdle
            | Self::H2Small
            | Self::H2TenKilobytes
            | Self::TcpPingPong => 0.90,
        }
    }

    /// What evener must reach here.
    pub(crate) fn bars(self) -> Vec<Bar> {
        let cpu_against =
            |peers, limit, aim| Bar { metric: Metric::Cpu, against: Against::BestOf(peers), limit, aim: Some(aim) };
        let cpu = |limit, aim| cpu_against(&Proxy::STANDARD, limit, aim);
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
            Self::TlsSmall => vec![cpu(0.78, 0.68)],
            Self::TlsMegabyte => vec![cpu(0.80, 0.60)],
            Self::TlsHandshake => vec![cpu_against(&[Proxy::Nginx], 1.25, 1.00)],
            Self::TlsIdle => {
                let (metric, against) = (Metric::BytesPerConnection, Against::BestOf(&Proxy::STANDARD));
                vec![Bar { metric, against, limit: 1.00, aim: Some(0.80) }]
            }
            Self::H2Small => vec![cpu(0.95, 0.80)],
            Self::H2TenKilobytes => vec![cpu(1.00, 0.85)],
            Self::H2Megabyte => vec![cpu(0.95, 0.60)],
            Self::TcpPingPong | Self::TcpMegabyte => vec![cpu_against(&[Proxy::Haproxy], 1.00, 0.85)],
        }
    }
}

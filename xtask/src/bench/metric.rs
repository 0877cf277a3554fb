//! The figures: what they are called in tables and files, and how they are written.
//!
//! How they are measured is in `measure.rs`.

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

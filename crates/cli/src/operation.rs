//! How a server is operated, as the command line and OpenTelemetry's variables say it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gristmill::Error;
use gristmill::flow::TimeSpan;
use gristmill_server::{AccessLog, RequestLimits, Settings, TraceSettings};

#[derive(Debug, Args)]
pub struct Operation {
    /// Write a line of JSON for each request to this file, or to stdout with `-`
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// How long a request to a model may take from its last byte on, such as 10s
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    request_timeout: TimeSpan,
    /// How many requests to models may be under way at once; the next one is answered 429
    #[arg(long, value_name = "N", default_value = "512")]
    max_requests: NonZeroUsize,
    /// Work on small requests where they arrive while the model takes less than this for one; those to
    /// other models wait for a core, and are answered together
    #[arg(long, value_name = "SPAN", default_value = "1ms")]
    inline_within: TimeSpan,
    /// How long to go on, saying that it is not ready any more, when it is to end
    #[arg(long, value_name = "SPAN")]
    shutdown_notice: Option<TimeSpan>,
}

impl Operation {
    /// The settings with what was said here.
    pub fn of(&self, settings: Settings) -> anyhow::Result<Settings> {
        let access_log = self.access_log.as_ref().map(|path| match path.as_os_str() == "-" {
            true => AccessLog::Stdout,
            false => AccessLog::File(path.clone()),
        });
        let (count, time) = (self.max_requests.get(), self.request_timeout.duration());
        let inline = self.inline_within.duration();
        Ok(Settings {
            access_log,
            requests: RequestLimits { count, time, inline },
            notice: self.shutdown_notice.map_or(Duration::ZERO, TimeSpan::duration),
            traces: traces(|name| std::env::var(name).ok())?,
            ..settings
        })
    }
}

/// Where spans go, as OpenTelemetry's variables say it.
fn traces(variable: impl Fn(&str) -> Option<String>) -> Result<Option<TraceSettings>, Error> {
    let said = |name: &str| {
        let text = variable(name).map(|text| text.trim().to_string());
        text.filter(|text| !text.is_empty())
    };
    let is_off = said("OTEL_SDK_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true"))
        || said("OTEL_TRACES_EXPORTER").is_some_and(|word| word == "none");
    let endpoint = said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
        let base = said("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    });
    let Some(endpoint) = endpoint.filter(|_| !is_off) else { return Ok(None) };
    let protocol =
        said("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| said("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if protocol.as_deref() == Some("grpc") {
        return Err(Error::input("spans cannot be sent by `grpc`").with_hint(
            "name the address that the collector has for OTLP over HTTP, whose port is 4318 mostly, and set \
             OTEL_EXPORTER_OTLP_PROTOCOL to http/json",
        ));
    }
    let headers = said("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
        .or_else(|| said("OTEL_EXPORTER_OTLP_HEADERS"))
        .map_or_else(|| Ok(Vec::new()), |text| headers(&text))?;
    let service = said("OTEL_SERVICE_NAME").unwrap_or_else(|| "gristmill".into());
    let ratio = ratio(said("OTEL_TRACES_SAMPLER").as_deref(), said("OTEL_TRACES_SAMPLER_ARG"))?;
    Ok(Some(TraceSettings { endpoint, headers, service, ratio }))
}

/// Headers as `name=value,name=value`, with percent signs for what cannot stand there.
fn headers(text: &str) -> Result<Vec<(String, String)>, Error> {
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    let header = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_string(), decoded(value.trim()))),
        // The text itself may hold a secret.
        None => Err(Error::input("OTEL_EXPORTER_OTLP_HEADERS holds a header without `=`")
            .with_hint("write name=value,name=value")),
    };
    pairs.map(header).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let byte = digits
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The share of traces that are recorded whose caller does not say.
fn ratio(sampler: Option<&str>, argument: Option<String>) -> Result<f64, Error> {
    let given = || {
        let text = argument.clone().unwrap_or_else(|| "1".into());
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| {
            Error::input(format!("OTEL_TRACES_SAMPLER_ARG is `{text}`"))
                .with_hint("set it to a share between 0 and 1")
        })
    };
    match sampler.map(|word| word.strip_prefix("parentbased_").unwrap_or(word)) {
        None | Some("always_on") => Ok(1.0),
        Some("always_off") => Ok(0.0),
        Some("traceidratio") => given(),
        Some(other) => Err(Error::input(format!("OTEL_TRACES_SAMPLER is `{other}`"))
            .with_hint("set it to always_on, always_off, traceidratio or one of parentbased_...")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, Error> {
        traces(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, text)| (*text).to_string())
        })
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");

    #[test]
    fn spans_go_where_the_variables_say() {
        assert!(told(&[]).unwrap().is_none());
        assert!(told(&[BASE, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        let usual = told(&[BASE]).unwrap().unwrap();
        assert_eq!(usual.endpoint, "http://c:4318/v1/traces");
        assert_eq!(
            (usual.service.as_str(), usual.ratio, usual.headers),
            ("gristmill", 1.0, vec![])
        );
        let set = told(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/own"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a, x=1=2"),
            ("OTEL_SERVICE_NAME", "shop"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        let set = set.unwrap().unwrap();
        assert_eq!(
            (set.endpoint.as_str(), set.service.as_str(), set.ratio),
            ("http://c/own", "shop", 0.25)
        );
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(set.headers, [pair("authorization", "Bearer a"), pair("x", "1=2")]);
        assert!(!format!("{set:?}").contains("Bearer"), "a secret is never printed");
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (name, text) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "no header"),
            ("OTEL_TRACES_SAMPLER", "by_mood"),
        ] {
            assert!(told(&[BASE, (name, text)]).is_err(), "{name}");
        }
        let ratio = ("OTEL_TRACES_SAMPLER", "traceidratio");
        assert!(told(&[BASE, ratio, ("OTEL_TRACES_SAMPLER_ARG", "2")]).is_err());
    }
}

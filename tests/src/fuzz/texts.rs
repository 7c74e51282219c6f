//! What is read without asking anybody: files, links, markers and amounts.

use std::path::Path;

use cannula::{
    PatientSearchConfig, PostingService, ServiceConfig,
    core::{Currency, ErrorKind, Money, RecordKind, Result},
    http::{Client, Url},
    nextech::{NextechConfig, PageParser, Product},
    patientnow::PatientNowConfig,
    rules::{
        Categories,
        posting::{
            Marker,
            report::{DaySums, Kind, Line, Report, Sums},
        },
    },
    zenoti::ZenotiConfig,
};
use cannula_examples::write_csv;
use cannula_sandbox::practice::{Practice, PracticeConfig, ZONE};
use chrono::NaiveDate;
use serde_json::json;

use super::{
    Answer,
    bench::{clock, opening},
    calls::{self, survives},
};

/// What every name in the environment stands for.
const SECRET: &str = "hush-hush-4711";

fn text(data: &[u8]) -> Option<(u8, &str)> {
    let (first, rest) = data.split_first()?;
    Some((first.wrapping_sub(b'a'), std::str::from_utf8(rest).ok()?))
}

/// The first byte chooses a service; the rest is its file. It is taken or every problem is told,
/// and nothing that is printed shows a secret.
pub(super) fn configuration(data: &[u8]) {
    fn told<T: std::fmt::Debug>(config: Result<T>) -> String {
        match config {
            Ok(config) => format!("{config:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config, "{error}");
                format!("{error} {error:?}")
            }
        }
    }
    let Some((service, text)) = text(data) else { return };
    let lookup = |_: &str| Some(SECRET.to_owned());
    let directory = Path::new("no such folder");
    let told = match service % 5 {
        0 => told(ServiceConfig::<NextechConfig>::parse(text, directory, &lookup)),
        1 => told(ServiceConfig::<PatientNowConfig>::parse(text, directory, &lookup)),
        2 => told(ServiceConfig::<ZenotiConfig>::parse(text, directory, &lookup)),
        3 => told(PostingService::parse(text, directory, &lookup)),
        _ => told(PatientSearchConfig::parse(text, directory, &lookup)),
    };
    assert!(!told.contains(SECRET), "a secret is shown");
}

pub(super) fn seeds_configuration() -> Vec<Vec<u8>> {
    let samples = [
        include_str!("../../../examples/nextech/nextech.toml"),
        include_str!("../../../examples/patientnow/patientnow.toml"),
        include_str!("../../../examples/zenoti/zenoti.toml"),
        include_str!("../../../examples/dermpro/dermpro.toml"),
        include_str!("../../../examples/a360/a360.toml"),
    ];
    let seeds = samples.iter().zip(b'a'..).flat_map(|(sample, letter)| {
        // The same with every default spelled out.
        let spelled = sample.lines().map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|it: char| it.is_ascii_lowercase()) => setting,
            _ => line,
        });
        let spelled = spelled.collect::<Vec<_>>().join("\n");
        [(*sample).to_owned(), spelled].map(|text| [&[letter], text.as_bytes()].concat())
    });
    seeds.collect()
}

/// A document is taken, or its problems have places.
pub(super) fn categories(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Categories::from_csv(text) {
        Ok(categories) => {
            for word in text.split([',', '\n', '"']) {
                let _ = categories.lookup(word, &[]);
            }
        }
        Err(problems) => {
            assert!(problems.iter().next().is_some(), "refused for nothing");
            assert!(problems.iter().all(|it| !it.place.is_empty() && !it.message.is_empty()));
        }
    }
}

pub(super) fn seeds_categories() -> Vec<Vec<u8>> {
    let practice = Practice::new(PracticeConfig::empty(opening()), clock());
    let documents = [practice.categorization_csv(), practice.zenoti_categorization_csv()];
    let quoted = "\u{feff}type;purpose;category\r\n\"Post-Op \"\"Visit\"\"\",,Post-Op\r\n";
    let documents = documents.into_iter().chain([quoted]);
    documents.map(|document| document.as_bytes().to_vec()).collect()
}

/// A report of texts, with a unit separator between, is read again as it was written, and no cell of it is a formula.
pub(super) fn report(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut texts = text.split('\x1f').chain(std::iter::repeat(""));
    let mut next = || texts.next().unwrap_or_default().to_owned();
    let usd = |minor| Money::from_minor(minor, Currency::USD);
    let sums = Sums {
        captured: usd(i64::MAX),
        tax: usd(0),
        shipping: usd(1),
        refunded: usd(-14_950),
        payments: usd(i64::MIN),
        refunds: usd(99),
        difference: usd(-1),
    };
    let date = opening().date_naive();
    let day = DaySums { date: Some(date), tender: Some(next()), sums };
    let line = Line {
        kind: Kind::OnlyInStore,
        order: Some(next().as_str().into()),
        refund: Some(next()),
        rows: vec![next().as_str().into()],
        patient: None,
        store_date: Some(NaiveDate::MAX),
        store_amount: Some(usd(-5)),
        ledger_date: None,
        ledger_amount: None,
        sentence: next(),
    };
    let written = [
        &day.tender.clone().unwrap_or_default(),
        line.order.as_ref().unwrap().as_str(),
        line.refund.as_ref().unwrap(),
        line.rows[0].as_str(),
        &line.sentence,
    ]
    .map(str::to_owned);
    let report = Report {
        from: date,
        to: date,
        currency: "USD",
        days: vec![day],
        tenders: Vec::new(),
        total: sums,
        differences: vec![line.clone()],
        notes: vec![line],
    };
    let mut csv = Vec::new();
    write_csv(&report, &mut csv).unwrap();

    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    let cell = |row: usize, name: &str| {
        let at = header.iter().position(|it| it == name).unwrap();
        rows[row][at].to_owned()
    };
    let read = [
        cell(0, "tender"),
        cell(1, "order"),
        cell(2, "refund"),
        cell(1, "ledger_rows"),
        cell(2, "sentence"),
    ];
    // An apostrophe before a text says that it is one.
    assert_eq!(read.map(|text| text.strip_prefix('\'').unwrap_or(&text).to_owned()), written);
    for cell in rows.iter().flatten() {
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        assert!(!is_formula || cell.parse::<f64>().is_ok() || is_date(cell), "{cell:?}");
    }
}

fn is_date(cell: &str) -> bool {
    cell.parse::<NaiveDate>().is_ok()
}

pub(super) fn seeds_report() -> Vec<Vec<u8>> {
    let texts = [
        "bluepay_payment VI\x1f000004101\x1f000000077\x1frow-1\x1fPost it by hand.",
        "=cmd|' /C calc'!A0\x1f+1\x1f-1\x1f@SUM(1)\x1f\t=1",
        "a,b\x1f\"c\"\x1fd\ne\x1f'f\x1f",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// A link that is followed stays with the vendor. The first byte chooses the vendor's address.
pub(super) fn links(data: &[u8]) {
    const BASES: [&str; 5] = [
        "https://vendor.test/api",
        "https://vendor.test",
        "https://vendor.test:8443/api/v2/",
        "http://127.0.0.1:4010/nextech",
        "http://[::1]:4010/",
    ];
    let Some((base, link)) = text(data) else { return };
    let base: Url = BASES[usize::from(base) % BASES.len()].parse().unwrap();
    thread_local! {
        static CLIENTS: std::cell::RefCell<std::collections::BTreeMap<String, Client>> =
            std::cell::RefCell::default();
    }
    let check = |link: &str| {
        CLIENTS.with_borrow_mut(|clients| {
            let client = clients.entry(base.to_string());
            let make = || Client::builder("fuzz", base.clone(), clock()).build().unwrap();
            client.or_insert_with(make).check_link(link)
        })
    };
    match check(link) {
        Ok(url) => {
            assert_eq!(url.origin(), base.origin(), "{link}");
            assert_eq!((url.username(), url.password()), ("", None), "{link}");
            let root = base.path().trim_end_matches('/');
            assert!(url.path() == root || url.path().starts_with(&format!("{root}/")), "{link}");
            // What is sent is what was checked.
            assert_eq!(Url::parse(url.as_str()).unwrap(), url);
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            if let Err(error) = check(&format!("{link}?name={SECRET}")) {
                assert!(!error.to_string().contains(SECRET), "a query is shown: {error}");
            }
        }
    }
}

pub(super) fn seeds_links() -> Vec<Vec<u8>> {
    let links = [
        "ahttps://vendor.test/api/Patient?_page=2",
        "ahttps://vendor.test/api/../admin",
        "ahttps://vendor.test\\@evil.test/api/P?name=mina",
        "bhttps://vendor.test.evil.test/",
        "bhttps://user:pass@vendor.test/x",
        "chttps://vendor.test:8443/api/v2/%2e%2e/%2e%2e/x",
        "dhttp://0x7f.1:4010/nextech/P?x=1#y",
        "ehttp://[0:0::1]:4010//evil.test/",
        "a//evil.test/api",
    ];
    links.map(|link| link.as_bytes().to_vec()).to_vec()
}

/// The first byte chooses product and kind of record; the rest is a page, read without HTTP, which is
/// hundreds of times as fast as with it.
pub(super) fn pages(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let choice = choice.wrapping_sub(b'a');
    let product = if choice.is_multiple_of(2) { Product::Select } else { Product::PracticePlus };
    let kinds = [RecordKind::Patient, RecordKind::Appointment, RecordKind::Payment];
    let kind = kinds[usize::from(choice / 2) % kinds.len()];
    let parser = PageParser::new(product, "practice".into(), ZONE);
    match parser.parse(kind, body, opening()) {
        Ok(page) => {
            page.events.iter().for_each(survives);
            assert!(page.events.iter().all(|event| event.key.kind == kind));
            for row in &page.rejected {
                assert!(!row.problem.is_empty() && !row.path.is_empty(), "rejected for nothing");
                // A resource without a Bundle is kept as an entry of one.
                let most = body.len() + r#"{"resource":}"#.len();
                assert!(row.raw.expose().len() <= most);
            }
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Decode, "{error}"),
    }
}

/// The pages of the sandbox, as the answers to polls.
pub(super) fn seeds_pages() -> Vec<Vec<u8>> {
    let of = |seeds: Vec<Vec<u8>>, product: u8| {
        // The calls `b` to `d` poll the three feeds; the first answer is a token.
        let polls = seeds.into_iter().skip(1).take(3).zip(0_u8..);
        let pages = polls.flat_map(move |(seed, kind)| {
            let bodies = Answer::all(&seed[1..]).into_iter().skip(1).map(|answer| answer.body);
            bodies.map(move |body| [&[b'a' + 2 * kind + product], &body[..]].concat())
        });
        pages.collect::<Vec<_>>()
    };
    let times = super::values::TEXTS.iter().map(|text| {
        let row = json!({ "resourceType": "Appointment", "id": "1", "status": "booked",
            "start": text, "end": text, "meta": { "lastUpdated": text } });
        let page = json!({ "resourceType": "Bundle", "entry": [{ "resource": row }] });
        [b"c", page.to_string().as_bytes()].concat()
    });
    let times = times.collect();
    [of(calls::seeds_select(), 0), of(calls::seeds_plus(), 1), times].concat()
}

/// A marker that is read is written as one that is read the same.
pub(super) fn markers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(marker) = Marker::parse(text) {
        let written = marker.to_string();
        assert_eq!(Marker::parse(&written).as_ref(), Some(&marker), "{written}");
        let described = format!("{written} SER-30 Serum");
        assert_eq!(Marker::parse(&described), Some(marker), "{described}");
    }
}

pub(super) fn seeds_markers() -> Vec<Vec<u8>> {
    let texts = ["DP#000004101", "DP#2:4101-1/12 SERUM", "DP#4101 R#77 back", " DP#\u{a0}1 R#"];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// An amount that is read is printed as one that is read the same. The first byte chooses the
/// currency.
pub(super) fn money(data: &[u8]) {
    let Some((currency, text)) = text(data) else { return };
    let currencies = [Currency::USD, Currency::JPY, Currency::KWD, Currency::XAU];
    let currency = currencies[usize::from(currency) % currencies.len()];
    if let Ok(amount) = Money::parse(text, currency) {
        assert_eq!(Money::parse(&amount.decimal(), currency).unwrap(), amount);
        let back = amount.negated();
        assert!(back.is_negative() != amount.is_negative() || amount.minor() == 0);
        assert!(!amount.to_string().is_empty());
    }
}

pub(super) fn seeds_money() -> Vec<Vec<u8>> {
    let texts = ["a149.50", "b-500", "c0.125", "d1", "a1.5E2", "a92233720368547758.07", "a-0.0"];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

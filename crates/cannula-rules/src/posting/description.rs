//! What a payment's description says.

use cannula_core::{LineKind, OrderLine, Phi, StoreOrder};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::Marker;

/// Letters of a line's name.
const NAME: usize = 40;

/// The marker first, because the EMR cuts what is too long; then the article numbers, which staff
/// search the store for, with names if there is room for all of them.
pub(super) fn description(
    marker: &Marker,
    order: &StoreOrder,
    warning: &str,
    limit: usize,
) -> Phi<String> {
    let mut start = marker.to_string();
    if order.lines.iter().any(|line| line.kind == LineKind::GiftCard) {
        start = format!("{start} {}", plain(warning));
    }
    let lines = distinct(&order.lines);
    if lines.first().is_some_and(|(sku, _)| Marker::takes(sku)) {
        start.push_str(" SKU");
    }
    let named = lines.iter().map(|(sku, name)| format!("{sku} {name}").trim().to_owned());
    let whole = join(&start, &named.collect::<Vec<_>>(), "; ");
    if whole.len() <= limit {
        return Phi::new(whole);
    }
    let mut skus: Vec<_> = lines.into_iter().map(|(sku, _)| sku).collect();
    let mut left_out = 0;
    loop {
        let mut shown = skus.clone();
        if left_out > 0 {
            shown.push(format!("+{left_out} more"));
        }
        let text = join(&start, &shown, " ");
        if text.len() <= limit || skus.is_empty() {
            return Phi::new(text.chars().take(limit).collect());
        }
        skus.pop();
        left_out += 1;
    }
}

fn join(start: &str, parts: &[String], separator: &str) -> String {
    let rest = parts.iter().filter(|part| !part.is_empty()).map(String::as_str);
    format!("{start} {}", rest.collect::<Vec<_>>().join(separator)).trim_end().to_owned()
}

/// The lines by article number, each once.
fn distinct(lines: &[OrderLine]) -> Vec<(String, String)> {
    let mut distinct: Vec<(String, String)> = Vec::new();
    for line in lines {
        let sku = plain(line.sku.expose());
        if distinct.iter().all(|(known, _)| *known != sku) {
            let name: String = plain(line.name.expose()).chars().take(NAME).collect();
            distinct.push((sku, name.trim_end().to_owned()));
        }
    }
    distinct
}

/// In ASCII, so that letters are bytes wherever they are counted, and on one line.
fn plain(text: &str) -> String {
    let letters =
        text.nfkd().filter(|letter| !is_combining_mark(*letter)).map(|letter| match letter {
            ' '..='~' => letter,
            '‐'..='―' => '-',
            '‘' | '’' => '\'',
            _ if letter.is_whitespace() => ' ',
            _ => '?',
        });
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

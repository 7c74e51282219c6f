//! What the store sells, and what people put into their baskets.

use super::checkout::{Article, Line, StoreTender};
use crate::faults::Rng;

type Good = (Article, &'static str, &'static str, i64);

static PRODUCTS: [Good; 6] = [
    (Article::Configurable, "SER-30ML", "Vitamin C Serum", 12_000),
    (Article::Simple, "SPF-50", "Mineral Sunscreen SPF 50", 4_250),
    (Article::Configurable, "RET-05-30ML", "Retinol Night Cream", 9_899),
    (Article::Simple, "CLN-200", "Gentle Cleanser", 3_333),
    (Article::Simple, "LIP-BALM", "Repair Lip Balm", 1_795),
    (Article::Simple, "KIT-GLOW", "Glow Kit, 4 pieces – limited", 24_999),
];

static SERVICES: [Good; 3] = [
    (Article::Service, "TX-FACIAL", "Signature Facial (service)", 13_000),
    (Article::Service, "TX-BOTOX-20U", "Botox 20 units (service)", 26_000),
    (Article::Service, "TX-PEEL", "Chemical Peel (service)", 17_550),
];

static MEMBERSHIPS: [Good; 2] = [
    (Article::Membership, "MEM-GLOW", "Glow Membership, monthly", 9_900),
    (Article::Membership, "MEM-VIP", "VIP Membership, monthly", 19_900),
];

static GIFT_CARDS: [Good; 2] = [
    (Article::GiftCard, "GC-100", "E-Gift Card 100", 10_000),
    (Article::GiftCard, "GC-250", "E-Gift Card 250", 25_000),
];

/// One to four lines: products mostly, then treatments, memberships and gift cards.
pub(super) fn basket(random: &mut Rng) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..=random.next() % 4 {
        let shelf: &[Good] = match random.next() % 12 {
            0..7 => &PRODUCTS,
            7..10 => &SERVICES,
            10 => &MEMBERSHIPS,
            _ => &GIFT_CARDS,
        };
        let Some((article, sku, name, minor)) = pick(random, shelf) else { continue };
        if lines.iter().all(|line| line.sku != *sku) {
            let quantity = 1 + u32::from(article.ships() && random.next().is_multiple_of(4));
            lines.push(Line { quantity, ..Line::new(*article, sku, name, *minor) });
        }
    }
    lines
}

/// Cards mostly.
pub(super) fn tender(random: &mut Rng) -> StoreTender {
    match random.next() % 10 {
        0 => StoreTender::PayPal,
        1 => StoreTender::Affirm,
        2 => StoreTender::Card("AE"),
        3 | 4 => StoreTender::Card("MC"),
        _ => StoreTender::Card("VI"),
    }
}

fn pick<'a, T>(random: &mut Rng, items: &'a [T]) -> Option<&'a T> {
    let index = usize::try_from(random.next() % items.len().max(1) as u64).unwrap_or(0);
    items.get(index)
}

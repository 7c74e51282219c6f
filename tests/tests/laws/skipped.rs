//! Which connector is held to which law, and why to no other: as snapshots, so that a law that is
//! skipped is seen.

use cannula_testkit::{
    ClientBench, Law, LedgerBench, Power, RegistryBench, SinkBench, SourceBench, WebhookBench,
    client_laws, ledger_laws, registry_laws, sink_laws, skipped, source_laws, webhook_laws,
};

use crate::{
    crm::{CrmBench, CrmClientBench},
    dermpro::{DermproBench, DermproClientBench},
    emr::{ClientOf, EmrBench},
    memory::Memory,
    webhooks::Deliveries,
};

type Lacks = Vec<(Power, &'static str)>;

/// All EMRs by name.
async fn emrs() -> Vec<(&'static str, EmrBench)> {
    vec![
        ("nextech_select", EmrBench::select().await),
        ("nextech_practice_plus", EmrBench::practice_plus().await),
        ("patientnow", EmrBench::of_patientnow().await),
        ("zenoti", EmrBench::of_zenoti().await),
    ]
}

fn show(name: &str, laws: &[Law], benches: Vec<(&str, Lacks)>) {
    insta::assert_snapshot!(name, skipped(laws, &benches));
}

#[tokio::test]
async fn sources_are_held_to_these_laws() {
    let mut benches = Vec::new();
    let mut feeds = String::new();
    for (name, bench) in emrs().await {
        benches.push((name, SourceBench::lacks(&bench)));
        let all = bench.source(1).info().feeds.iter().map(|it| it.kind).collect::<Vec<_>>();
        let (held, not): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|kind| bench.kinds().contains(kind));
        feeds.push_str(&format!("{name}: held to the laws {held:?}"));
        if !not.is_empty() {
            feeds.push_str(&format!(", not {not:?}: {}", bench.without_a_listing()));
        }
        feeds.push('\n');
    }
    benches.push(("aesthetix", SourceBench::lacks(&CrmBench::open().await)));
    benches.push(("dermpro", SourceBench::lacks(&DermproBench::open().await)));
    show("source", source_laws::LAWS, benches);
    insta::assert_snapshot!("source_feeds", feeds);
}

#[tokio::test]
async fn clients_are_held_to_these_laws() {
    let mut benches = Vec::new();
    for (name, bench) in emrs().await {
        benches.push((name, ClientBench::lacks(&ClientOf::a(bench).await)));
    }
    benches.push(("aesthetix", ClientBench::lacks(&CrmClientBench::open().await)));
    benches.push(("dermpro", ClientBench::lacks(&DermproClientBench::open().await)));
    show("client", client_laws::LAWS, benches);
}

#[tokio::test]
async fn sinks_are_held_to_these_laws() {
    let crm = SinkBench::lacks(&CrmBench::open().await);
    let memory = SinkBench::lacks(&Memory::open().await);
    show("sink", sink_laws::LAWS, vec![("aesthetix", crm), ("memory", memory)]);
}

#[tokio::test]
async fn registries_are_held_to_these_laws() {
    let mut benches = Vec::new();
    for (name, bench) in emrs().await {
        benches.push((name, RegistryBench::lacks(&bench)));
    }
    benches.push(("memory", RegistryBench::lacks(&Memory::open().await)));
    show("registry", registry_laws::LAWS, benches);
}

#[tokio::test]
async fn ledgers_are_held_to_these_laws() {
    let select = LedgerBench::lacks(&EmrBench::select().await);
    let plus = LedgerBench::lacks(&EmrBench::practice_plus().await);
    let memory = LedgerBench::lacks(&Memory::open().await);
    let benches =
        vec![("nextech_select", select), ("nextech_practice_plus", plus), ("memory", memory)];
    show("ledger", ledger_laws::LAWS, benches);
}

#[tokio::test]
async fn webhook_decoders_are_held_to_these_laws() {
    let patientnow = Deliveries::patientnow().await.lacks();
    let zenoti = Deliveries::zenoti().await.lacks();
    let crm = Deliveries::aesthetix().await.lacks();
    let benches = vec![("patientnow", patientnow), ("zenoti", zenoti), ("aesthetix", crm)];
    show("webhook", webhook_laws::LAWS, benches);
}

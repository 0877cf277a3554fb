//! What is asked and answered comes as it was said, however it is cut into frames.

use crate::asker::{Got, Pace, ask};
use crate::host::{Heard, Manner};
use crate::plan::{Dice, Plan, sorted};
use crate::scene::{Below, Scene, any_client, run};
use std::rc::Rc;

/// Asks so many times, so many at once, and compares everything that was said on either side.
async fn exchange(scene: &Scene, dice: &mut Dice, count: usize, pace: Pace) {
    let plans: Vec<Plan> = (0..count).map(|_| Plan::of(dice.next() >> 1)).collect();
    let width = 1 + dice.below(30);
    for plans in plans.chunks(width) {
        let asked = plans.iter().cloned().map(|plan| {
            let (sender, scheme) = (scene.sender.clone(), scene.scheme);
            tokio::task::spawn_local(async move {
                let got = ask(sender, scheme, &plan, pace).await;
                (plan, got)
            })
        });
        for asked in asked.collect::<Vec<_>>() {
            let (plan, got) = asked.await.expect("it is no fault of the test");
            let got = got.unwrap_or_else(|error| panic!("{error}: {plan:?}")).expect("it waits for all");
            compare(&plan, &got);
        }
    }
    // Hasty answers may be there before their requests were read.
    while scene.host.open.get() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for plan in &plans {
        let expected = Heard {
            method: plan.method.to_owned(),
            fields: plan.asked_fields(),
            body: plan.body.clone().unwrap_or_default(),
            trailers: sorted(plan.trailers.clone()),
        };
        let heard = scene.host.heard.borrow_mut().remove(&plan.seed).flatten().expect("it was read to its end");
        assert!(heard.body == expected.body, "another body, {} for {} bytes", heard.body.len(), expected.body.len());
        assert_eq!(heard, expected);
    }
    assert_eq!(scene.host.failed.get(), 0);
}

fn compare(plan: &Plan, got: &Got) {
    let expected = Got::expected(plan);
    assert!(got.body == expected.body, "another body, {} for {} bytes", got.body.len(), expected.body.len());
    assert_eq!(*got, expected);
}

/// An end in good order, after everything.
async fn part(scene: Scene) {
    let Scene { sender, client, host, server, .. } = scene;
    host.drain();
    assert!(server.await.expect("it serves").is_none(), "an end in good order");
    drop(sender);
    client.await.expect("it asks").expect("an end in good order");
    assert_eq!(Rc::strong_count(&host), 1);
}

async fn many(seed: u64, below: Below, is_narrow: bool, count: usize, pace: Pace) {
    let dice = &mut Dice::new(seed);
    let scene = Scene::with(Manner::Whole, below, is_narrow, &any_client(dice)).await;
    exchange(&scene, dice, count, pace).await;
    part(scene).await;
}

#[test]
fn in_the_clear() {
    run(0..12, |seed| many(seed, Below::Clear, false, 120, Pace::Fast));
}

#[test]
fn under_tls() {
    run(100..112, |seed| many(seed, Below::Tls, false, 80, Pace::Fast));
}

#[test]
fn to_slow_readers() {
    run(200..205, |seed| many(seed, Below::Clear, false, 25, Pace::Slow));
}

#[test]
fn through_narrow_pipes() {
    run(300..304, |seed| many(seed, Below::Clear, true, 25, Pace::Fast));
    run(310..314, |seed| many(seed, Below::Tls, true, 25, Pace::Fast));
}

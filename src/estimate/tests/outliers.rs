//! The rules for outliers, each on a series made for it.

use super::points;
use crate::estimate::outlier::outliers;
use crate::estimate::{Outlier, Point};
use crate::units::{Seconds, TokensPerSecond, Watts};

/// A sound series of one setting on a GPU: twice the batch, more than half as fast again.
fn series(on: &str) -> Vec<Point> {
    let points = points();
    let own = points.iter().find(|p| p.setting.gpu.id == on && p.setting.model.id == "qwen3-14b");
    let speed = if on == "b200" { 2.0 } else { 1.0 };
    let made = [(8_u32, 400.0), (16, 700.0), (32, 1_200.0)].map(|(most, rate)| Point {
        most,
        batch: f64::from(most),
        rate: TokensPerSecond(rate * speed),
        gap: Seconds(f64::from(most) / (rate * speed)),
        power: Watts(500.0),
        ..own.unwrap().clone()
    });
    made.to_vec()
}

#[track_caller]
fn check(points: &[Point], want: &[&[Outlier]]) {
    assert_eq!(outliers(points), want);
}

#[test]
fn each_rule_finds_its_own() {
    let sound = || series("h100-sxm");
    check(&sound(), &[&[], &[], &[]]);
    let mut held_back = sound();
    held_back[2].batch = 28.7;
    check(&held_back, &[&[], &[], &[Outlier::Unfilled]]);
    let mut stalled = sound();
    stalled[1].gap = Seconds(stalled[1].gap.0 * 0.49);
    check(&stalled, &[&[], &[Outlier::Stalled], &[]]);
    let mut falls = sound();
    falls[2].rate = TokensPerSecond(699.0);
    check(&falls, &[&[], &[], &[Outlier::Falls]]);
    let mut waits = sound();
    waits[1].power = Watts(449.0);
    check(&waits, &[&[], &[Outlier::Idle], &[]]);
    waits[1].power = Watts(451.0);
    check(&waits, &[&[], &[], &[]]);
    let mut other = sound();
    for point in &mut other {
        point.setting.data_parallel = true;
    }
    let layout: &[Outlier] = &[Outlier::OtherLayout];
    check(&other, &[layout; 3]);
}

#[test]
fn a_faster_gpu_that_is_slower_has_a_slow_host() {
    let both = |change: &dyn Fn(&mut [Point])| {
        let mut points = series("h100-sxm");
        let mut faster = series("b200");
        change(&mut faster);
        points.extend(faster);
        points
    };
    let none: &[Outlier] = &[];
    check(&both(&|_| {}), &[none; 6]);
    // One of three: that one. Two of three: all, where the third's reason can be the same.
    let slow = |p: &mut Point, rate: f64| {
        p.rate = TokensPerSecond(rate);
        p.gap = Seconds(p.batch / rate);
    };
    let one = both(&|b200| slow(&mut b200[0], 399.0));
    check(&one, &[&[], &[], &[], &[Outlier::Host], &[], &[]]);
    let two = both(&|b200| {
        slow(&mut b200[0], 399.0);
        slow(&mut b200[1], 699.0);
    });
    let host: &[Outlier] = &[Outlier::Host];
    check(&two, &[&[], &[], &[], host, host, host]);
    // Much shorter answers are other work.
    let mut shorter = one;
    shorter[3].traffic.output.0 /= 3;
    check(&shorter, &[none; 6]);
}

//! The answers again, by brute force: counting, trying and simulating from what the question says,
//! never by the formula in the file.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers of puzzles"
)]

use super::super::{Grader, Instance, Rational, Suite};
use std::collections::{BTreeSet, VecDeque};

/// The numbers of a question, in their order, digits only; `1/6` in a question is two.
fn numbers(instance: &Instance) -> Vec<i64> {
    let ask = &instance.messages[1].content;
    let words = ask.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    words.map(|word| word.parse().unwrap()).collect()
}

/// A probability by counting all cases.
fn share<T>(cases: &[T], given: impl Fn(&T) -> bool, wanted: impl Fn(&T) -> bool) -> Rational {
    let given: Vec<_> = cases.iter().filter(|one| given(one)).collect();
    let wanted = given.iter().filter(|one| wanted(one)).count();
    Rational::new(wanted as i128, given.len() as i128).unwrap()
}

/// Steps of the shortest way from a state to one that is wanted.
fn steps<S: Ord + Clone>(first: S, next: impl Fn(&S) -> Vec<S>, done: impl Fn(&S) -> bool) -> i64 {
    let mut known = BTreeSet::from([first.clone()]);
    let mut waiting = VecDeque::from([(first, 0)]);
    while let Some((state, far)) = waiting.pop_front() {
        if done(&state) {
            return far;
        }
        for one in next(&state) {
            if known.insert(one.clone()) {
                waiting.push_back((one, far + 1));
            }
        }
    }
    panic!("there is no way")
}

/// Crossings for wolf, goat and cabbage (bits 0 to 2; bit 3 is the farmer) in a boat for so many.
fn river(holds: u32) -> i64 {
    let safe = |side: u8| side & 8 != 0 || (side & 3 != 3 && side & 6 != 6);
    let next = |here: &u8| {
        let mine = if here & 8 != 0 { here & 7 } else { !here & 7 };
        let loads = (0..8_u8).filter(|load| load & !mine == 0 && load.count_ones() <= holds);
        loads.map(|load| here ^ 8 ^ load).filter(|&side| safe(side) && safe(!side & 15)).collect()
    };
    steps(15_u8, next, |here| *here == 0)
}

/// Steps with jugs of 3 and 5 until one holds so much.
fn jugs(want: i64) -> i64 {
    let next = |&(a, b): &(i64, i64)| {
        let (to_b, to_a) = (a.min(5 - b), b.min(3 - a));
        vec![(3, b), (a, 5), (0, b), (a, 0), (a - to_b, b + to_b), (a + to_a, b - to_a)]
    };
    steps((0, 0), next, |&(a, b)| a == want || b == want)
}

/// The shortest time over the bridge, by trying every crossing.
fn bridge(times: [i64; 4]) -> i64 {
    fn over(times: [i64; 4], here: u8) -> i64 {
        let mine = |i: &usize| here & (1 << i) != 0;
        let mut best = i64::MAX;
        for a in (0..4).filter(mine) {
            for b in (a..4).filter(mine) {
                let left = here & !(1 << a) & !(1 << b);
                let slow = times[a].max(times[b]);
                if left == 0 {
                    best = best.min(slow);
                    continue;
                }
                for back in (0..4).filter(|i| left & (1 << i) == 0) {
                    // Fewer come over each time, or nothing was gained.
                    if (left | 1 << back).count_ones() < here.count_ones() {
                        best = best.min(slow + times[back] + over(times, left | 1 << back));
                    }
                }
            }
        }
        best
    }
    over(times, 15)
}

/// Weighings for the one heavy of so many: by the worst outcome of the best split.
fn weighings(coins: i64) -> i64 {
    if coins <= 1 {
        return 0;
    }
    let worst =
        |pan: i64| (if pan > 0 { weighings(pan) } else { 0 }).max(weighings(coins - 2 * pan));
    // More on the pans than a third each, and one beside, are never needed: sizes near the third.
    let third = coins / 3;
    let pans = (third - 1).max(1)..=(third + 1).min(coins / 2);
    1 + pans.map(worst).min().unwrap()
}

/// All pairs of children, true for a boy.
const CHILDREN: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

/// The car's door, what the host opens and with which weight, for a first choice of door 0.
fn doors(knows: bool) -> Vec<(usize, usize)> {
    let mut cases = Vec::new();
    for car in 0..3 {
        for opened in 1..3 {
            if !knows || opened != car {
                // A host who has no choice opens the one door twice as often.
                let weight = if knows && car != 0 { 2 } else { 1 };
                cases.extend(vec![(car, opened); weight]);
            }
        }
    }
    cases
}

/// Who is a knight, where the first of two says something of both: (first, second).
fn knights(says: impl Fn(bool, bool) -> bool) -> Vec<(bool, bool)> {
    CHILDREN.into_iter().filter(|&(a, b)| says(a, b) == a).collect()
}

fn whole(number: i64) -> Rational {
    Rational::whole(i128::from(number))
}

/// The answer to a problem with a number, from its question alone; `None`: nothing to count.
#[expect(clippy::too_many_lines, reason = "one line a problem")]
fn oracle(instance: &Instance) -> Option<Rational> {
    let (problem, variant) =
        instance.id.split_once('+').map_or((&*instance.id, false), |(id, _)| (id, true));
    let problem = problem.split('#').next().unwrap();
    let n = numbers(instance);
    let digits = |number: i64| number.to_string().len() as i64;
    let modulo =
        |base: i64, exponent: i64, of: i64| (0..exponent).fold(1, |so_far, _| so_far * base % of);
    Some(match problem.strip_prefix("mathematics/").or(problem.strip_prefix("logic/"))? {
        "sum-to-n" => whole((1..=n[1]).sum()),
        "handshakes" => whole((0..n[0]).map(|a| (a + 1..n[0]).count() as i64).sum()),
        "multiples" => whole((1..n[0]).filter(|i| i % n[1] == 0 || i % n[2] == 0).sum()),
        // Factors of five among all factors; there are more twos.
        "trailing-zeros" => whole(
            (1..=n[0]).map(|i| (1..9).filter(|k| i % 5_i64.pow(*k) == 0).count() as i64).sum(),
        ),
        "divisors" => whole((1..=n[0]).filter(|i| n[0] % i == 0).count() as i64),
        "last-digit" => whole(modulo(n[0], n[1], 10)),
        "chickens" => whole((0..=n[0]).find(|r| 4 * r + 2 * (n[0] - r) == n[1]).unwrap()),
        "grid-paths" => {
            let mut ways = vec![1_i64; n[0] as usize + 1];
            for _ in 0..n[1] {
                for at in 1..ways.len() {
                    ways[at] += ways[at - 1];
                }
            }
            whole(*ways.last().unwrap())
        }
        "remainders" => whole(
            (1..=105).find(|x| x % n[1] == n[0] && x % n[3] == n[2] && x % n[5] == n[4]).unwrap(),
        ),
        // In how many minutes both fill a tank of lcm units.
        "pipes" => {
            let tank = n[0] * n[1];
            Rational::new(i128::from(60 * tank), i128::from(tank / n[0] + tank / n[1])).unwrap()
        }
        "average-speed" => {
            // A way of a * b kilometres takes b hours one way and a hours the other.
            let (way, hours) = (2 * n[0] * n[1], n[0] + n[1]);
            Rational::new(i128::from(way), i128::from(hours)).unwrap()
        }
        "two-dice" => {
            let throws: Vec<i64> = (1..=6).flat_map(|a| (1..=6).map(move |b| a + b)).collect();
            share(&throws, |_| true, |sum| *sum == n[0])
        }
        "committee" => {
            let all = 0_u32..(1 << n[1]);
            whole(all.filter(|set| i64::from(set.count_ones()) == n[0]).count() as i64)
        }
        "odd-numbers" => whole((0..n[0]).map(|i| n[1] + i * n[2]).sum()),
        "power-of-two" => whole(modulo(2, n[1], 7)),
        "squares-on-board" => whole((1..=n[0]).map(|size| (n[0] - size + 1).pow(2)).sum()),
        "page-numbers" => whole((n[0]..=n[1]).map(digits).sum()),
        "ages" => whole((1..200).find(|age| n[0] * age + n[1] == n[2] * (age + n[1])).unwrap()),
        // The first choice is door 0 of ours; the host opened door 1.
        "three-doors" => {
            share(&doors(!variant), |(car, opened)| *opened == 1 && *car != 1, |(car, _)| *car == 2)
        }
        "river" => whole(river(if variant { 2 } else { 1 })),
        "heavy-coin" => whole(weighings(n[0])),
        "bridge" => whole(bridge([n[0], n[1], n[2], n[3]])),
        "jugs" => whole(jugs(n[2])),
        "bat-and-ball" => {
            let dearer = |ball: i64| if variant { n[1] } else { ball + n[1] };
            whole((0..n[0]).find(|ball| ball + dearer(*ball) == n[0]).unwrap())
        }
        "lilies" => {
            // Twice the area, so that halves are whole.
            let full = if variant { 2 * n[1] } else { 2 };
            let day = |day: i64| if variant { 2 * day } else { full >> (n[0] - day).min(9) };
            let last = if variant { n[1] } else { n[0] };
            whole((0..=last).find(|d| 2 * day(*d) == full).unwrap())
        }
        // Parts per machine and minute are a / (a * a).
        "machines" => {
            let (machines, parts) = if variant { (1, n[3]) } else { (n[3], n[4]) };
            Rational::new(
                i128::from(parts * n[1] * n[2]),
                i128::from(n[0] * machines) * i128::from(n[1]) / i128::from(n[0]),
            )
            .unwrap()
        }
        "two-children" => share(
            &CHILDREN,
            |(old, young)| *old || (!variant && *young),
            |(old, young)| *old && *young,
        ),
        "snail" => {
            let back = if variant { 0 } else { n[2] };
            let mut at = 0;
            whole(
                (1..1_000)
                    .find(|_| {
                        at += n[1];
                        let out = at >= n[0];
                        at -= back;
                        out
                    })
                    .unwrap(),
            )
        }
        "socks" => {
            // The most that can be taken without what is wanted, and one more.
            let unlucky = |b: i64, w: i64| if variant { b < 2 } else { b < 2 && w < 2 };
            let most = (0..=n[0]).flat_map(|b| (0..=n[1]).map(move |w| (b, w)));
            whole(1 + most.filter(|&(b, w)| unlucky(b, w)).map(|(b, w)| b + w).max().unwrap())
        }
        "race" => {
            let (place, by) = if variant { (n[0], n[1]) } else { (3, 1) };
            let mut runners: Vec<i64> = (1..=30).collect();
            let me = runners.remove(place as usize - 1);
            runners.insert((place - by) as usize - 1, me);
            whole(1 + runners.iter().position(|one| *one == me).unwrap() as i64)
        }
        "months" => {
            let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            whole(days.iter().filter(|d| if variant { **d == 28 } else { **d >= 28 }).count() as i64)
        }
        "sisters" => {
            let (boys, girls) = (n[0], n[1] + 1);
            whole(if variant { boys - 1 } else { girls })
        }
        "eggs" => {
            let (minutes, eggs) = if variant { (n[0], n[1]) } else { (n[0], 1) };
            whole((0..eggs).map(|_| minutes).sum())
        }
        _ => return None,
    })
}

#[test]
fn answers_are_what_counting_gives() {
    let suite = Suite::embedded().unwrap();
    let mut counted = BTreeSet::new();
    for seed in 0..40 {
        for instance in suite.instances(seed, &["mathematics", "logic"], None).unwrap() {
            let Grader::Number(number) = &instance.grader else { continue };
            let want =
                oracle(&instance).unwrap_or_else(|| panic!("{}: nobody counts it", instance.id));
            assert_eq!(
                number.value, want,
                "seed {seed}, {}: {}",
                instance.id, instance.messages[1].content
            );
            counted.insert(instance.id);
        }
    }
    assert!(counted.len() >= 60, "{}", counted.len());
}

#[test]
fn knights_are_who_they_must_be() {
    // "We are both knaves": the second. "At least one of us is a knave": the first.
    assert_eq!(knights(|a, b| !a && !b), [(false, true)]);
    assert_eq!(knights(|a, b| !a || !b), [(true, false)]);
    let suite = Suite::embedded().unwrap();
    for seed in 0..20 {
        for instance in suite.instances(seed, &["logic"], None).unwrap() {
            let Grader::Fact(fact) = &instance.grader else { continue };
            if !instance.id.starts_with("logic/both-knaves") {
                continue;
            }
            let ask = &instance.messages[1].content;
            let (first, rest) = ask.split_once("lie. ").unwrap().1.split_once(" and ").unwrap();
            let second = rest.split_whitespace().next().unwrap();
            let want = if instance.id.contains("variant") { first } else { second };
            assert_eq!(fact.accepted, [want], "{ask}");
        }
    }
}

#[test]
fn the_well_known_answer_to_a_puzzle_is_wrong_in_its_variant() {
    let suite = Suite::embedded().unwrap();
    for seed in 0..40 {
        let all = suite.instances(seed, &["logic"], None).unwrap();
        for pair in all.chunks(2) {
            let [base, variant] = pair else { panic!("{} has no variant", pair[0].id) };
            assert_eq!(variant.id, format!("{}+variant", base.id));
            // The names differ where they are drawn: the knight's place is what is remembered.
            if base.id == "logic/both-knaves" || base.id == "logic/sisters" {
                continue;
            }
            let known = base.grader.plainest().unwrap();
            assert!(
                !variant.grade(super::Form::Chat, &known, false).solved(),
                "{}: {known}",
                variant.id
            );
        }
    }
}

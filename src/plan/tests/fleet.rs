//! Fleets: who is served where, nodes that come, go and are taken away.

use super::super::fleet::run;
use super::super::machine::Pace;
use super::*;

/// One request at a time, each of 10 s.
fn slow() -> Profile {
    let all = coefficients(10_000.0, 0.0, 0.0, 0.0);
    profile(all, all, all)
}

fn one_at_a_time() -> Serving {
    Serving { sequences_max: 1, ..serving() }
}

/// Three requests at once on two machines: the third waits for the first, which ends at 10 s.
#[test]
fn machines_share_the_work() {
    let traffic = Traffic::new([0.0, 0.0, 1.0].map(|at| asked(at, 8, 1))).unwrap();
    let fleet = Fleet { serving: one_at_a_time(), ..fleet(2) };
    let outcome = task(&traffic, &slow(), &fleet).simulate().unwrap();
    assert_eq!((outcome.end, outcome.busy), (Seconds(20.0), Seconds(30.0)));
    near(outcome.latencies.ttft.mean.unwrap().0, (10.0 + 10.0 + 19.0) / 3.0, 1e-12);
}

/// Nobody is there at first. Looked at every 15 s with a start-up of 20: the request of second 1 is seen
/// at 15, its machine is ready at 35 and done at 45. That of second 52 finds it ready. At 60 it has
/// work, at 75 none: with 5 min of patience after 60 s it is given back at 375, when somebody looks.
#[test]
fn a_node_comes_when_it_is_needed_and_goes_when_it_is_not() {
    let traffic = [1.0, 52.0, 1_000.0].map(|at| asked(at, 8, 1));
    let traffic = Traffic::new(traffic).unwrap();
    let node = Node { start_up: Seconds(20.0), ..fleet(1).node };
    let size = Size::Scaled(Scaling::between(0, 3, 1));
    let fleet = Fleet { node, size, serving: one_at_a_time(), ..fleet(1) };
    let course = run(&traffic, &slow(), &fleet, Pace::Skips).unwrap();
    let times: Vec<_> = course
        .nodes
        .iter()
        .map(|node| {
            let to = node.to.map(|to| to.seconds().0);
            (node.from.seconds().0, node.ready.seconds().0, to)
        })
        .collect();
    // The last comes at 1000, is seen at 1005.
    assert_eq!(times, [(15.0, 35.0, Some(375.0)), (1_005.0, 1_025.0, None)]);
    assert_eq!(course.end.seconds(), Seconds(1_035.0));
    let outcome = task(&traffic, &slow(), &fleet).simulate().unwrap();
    near(outcome.bill.node_time.0, 360.0 + 30.0, 1e-12);
    near(outcome.bill.start_up.0, 0.001 * 40.0, 1e-12);
    near(outcome.bill.idle.0, 0.001 * (390.0 - 40.0 - 30.0), 1e-12);
}

/// More than one node can do: others are asked for, up to the most.
#[test]
fn a_fleet_grows_to_its_bounds() {
    let traffic = Traffic::new((0..200).map(|n| asked(f64::from(n), 8, 1))).unwrap();
    let size = Size::Scaled(Scaling::between(1, 4, 2));
    let fleet = Fleet { size, serving: one_at_a_time(), ..fleet(1) };
    let outcome = task(&traffic, &slow(), &fleet).simulate().unwrap();
    assert_eq!((outcome.most_nodes, outcome.requests.served), (4, 200));
    // 2,000 s of work, nearly all of it by four.
    assert!((500.0..540.0).contains(&outcome.end.0), "{}", outcome.end);
}

/// Nodes that are taken away twice an hour, in a hundred runs of half an hour with two of them: about
/// 200 times, ± 28 for a Poisson count at two standard deviations, and 20 for what chance is left.
#[test]
fn nodes_are_taken_away_as_often_as_said_and_every_request_is_served() {
    let traffic = Traffic::new((0..450).map(|n| asked(4.0 * f64::from(n), 64, 30))).unwrap();
    let node = Node { interruptions: PerHour(2.0), start_up: Seconds(60.0), ..fleet(1).node };
    let (mut interruptions, mut restarts) = (0, 0);
    for seed in 0..100 {
        let fleet = Fleet { node, seed, ..fleet(2) };
        let outcome = task(&traffic, &like_8b(), &fleet).simulate().unwrap();
        assert_eq!(outcome, task(&traffic, &like_8b(), &fleet).simulate().unwrap());
        assert_eq!(outcome.requests.served, 450);
        interruptions += outcome.interruptions;
        restarts += outcome.requests.restarts;
    }
    assert!((152..=248).contains(&interruptions), "{interruptions} interruptions");
    assert!(restarts > 0, "nothing was under way");
}

/// What was lost is done again: 8 s into its 10, its node is taken away; the next is ready 5 s later.
#[test]
fn a_request_begins_again_elsewhere() {
    let traffic = Traffic::new([asked(0.0, 8, 1)]).unwrap();
    let node = Node { interruptions: PerHour(60.0), start_up: Seconds(5.0), ..fleet(1).node };
    let seeds = (0..200).map(|seed| Fleet { node, seed, serving: one_at_a_time(), ..fleet(1) });
    let courses = seeds.map(|fleet| run(&traffic, &slow(), &fleet, Pace::Skips).unwrap());
    let course = courses.into_iter().find(|course| course.interruptions == 1).unwrap();
    let [first, second] = course.nodes.as_slice() else { panic!("{:?}", course.nodes.len()) };
    let lost = first.to.unwrap().seconds().0;
    assert!(lost < 10.0 && first.interrupted == first.to.unwrap());
    near(second.ready.seconds().0, lost + 5.0, 1e-9);
    near(course.end.seconds().0, lost + 15.0, 1e-9);
    // The machine that was lost was busy until then.
    near(course.used.busy.seconds().0, lost + 10.0, 1e-9);
    assert_eq!(course.log.restarts, 1);
}

/// Those that begin alike go where their beginning is: with room for one family each, two machines
/// have more of it in their caches than when requests go anywhere.
#[test]
fn prefixes_find_their_machines() {
    let mut dice = Dice(9);
    let requests = poisson(9, 4_000, 12.0, 700.0, 8.0);
    let requests = requests.into_iter().map(|one| {
        let family = if dice.one_in(2.0) { 100 } else { 200 };
        let one = Asked { prompt: Tokens(one.prompt.0.clamp(600, 2_000)), ..one };
        beginning(&one, family..family + 9)
    });
    let traffic = Traffic::new(requests).unwrap();
    let small = Serving { kv: Tokens(6_400), context_max: 2_100, ..serving() };
    let cached = |router| {
        let fleet = Fleet { router, serving: small, ..fleet(4) };
        task(&traffic, &like_8b(), &fleet).simulate().unwrap().delivered.cached.get()
    };
    let (affine, least, turns) =
        (cached(Router::PrefixAffinity), cached(Router::LeastLoaded), cached(Router::RoundRobin));
    assert!(affine > least.max(turns), "{affine} {least} {turns}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let traffic = Traffic::new([asked(0.0, 8, 1)]).unwrap();
    let check = |fleet: Fleet, want: &str| {
        let error = task(&traffic, &slow(), &fleet).simulate().unwrap_err();
        assert_eq!(error.to_string(), want);
    };
    let node = fleet(1).node;
    check(fleet(0), "`number of nodes` is not above 0");
    check(
        Fleet { node: Node { price: UsdPerHour(0.0), ..node }, ..fleet(1) },
        "`price` is not above 0",
    );
    check(
        Fleet { node: Node { interruptions: PerHour(61.0), ..node }, ..fleet(1) },
        "`61/h` interruptions are not from 0 to 60/h",
    );
    check(
        Fleet { size: Size::Scaled(Scaling::between(3, 2, 1)), ..fleet(1) },
        "at least 3 and at most 2 machines are asked for",
    );
    check(
        Fleet { serving: Serving { step_tokens_max: 4, ..serving() }, ..fleet(1) },
        "`step_tokens_max` is `4`, below `16`",
    );
    let (traffic, slow, fleet) = (Traffic::new([asked(9.0, 1, 1)]).unwrap(), slow(), fleet(1));
    let task = Task { window: Seconds(1e-9), ..task(&traffic, &slow, &fleet) };
    assert_eq!(
        task.simulate().unwrap_err().to_string(),
        "windows of 0.000000001 s cut 9.0 s into more than 10000"
    );
}

//! Clients that come and go, and jobs whose items end at any time: each end is told once.

use super::super::World;
use super::super::world::SIZES;
use super::{IDLE, end, make, nobody_watches, watch};
use crate::engine::ConnId;
use crate::limits::jobs::JOB_LOOK_MAX_MS;
use crate::store::ItemState;

/// A client that comes and goes, and what it was told of a job.
struct Guest {
    conn: ConnId,
    mark: String,
    ends: Vec<u64>,
}

impl Guest {
    /// It leaves with what it has got, and comes back, perhaps to another process.
    fn comes_back(&mut self, world: &mut World, job: &str, elsewhere: bool) {
        for event in world.events(self.conn) {
            if event.name == "item" {
                self.ends.push(event.data["index"].as_u64().unwrap());
            }
            if !event.mark.is_empty() {
                self.mark = event.mark;
            }
        }
        if elsewhere {
            let mut next = World::with(IDLE, SIZES, 2);
            (next.store, next.now) = (std::mem::take(&mut world.store), world.now);
            *world = next;
        } else {
            world.end(self.conn);
            world.settle();
        }
        self.conn = watch(world, job, Some(&self.mark));
    }
}

#[test]
fn whatever_happens_each_end_is_told_once() {
    for seed in 0..60 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut world = World::new(IDLE);
        let items = chance.u32(1..60);
        let job = make(&mut world, items as usize);
        let mut open: Vec<u32> = (0..items).collect();
        let mut guest = Guest {
            conn: watch(&mut world, &job, Some("0")),
            mark: "0".to_owned(),
            ends: Vec::new(),
        };
        while !open.is_empty() {
            match chance.u8(0..8) {
                0..4 => {
                    let position = open.swap_remove(chance.usize(..open.len()));
                    let states = [ItemState::Done, ItemState::Failed];
                    end(&mut world, position, states[chance.usize(..2)]);
                }
                4 => world.sockets.get_mut(&guest.conn).unwrap().stalled = true,
                5 => guest.comes_back(&mut world, &job, chance.bool()),
                _ => world.pass(chance.u64(1..3_000)),
            }
        }
        guest.comes_back(&mut world, &job, false);
        world.pass(2 * JOB_LOOK_MAX_MS);
        assert_eq!(
            world.events(guest.conn).last().unwrap().name,
            "done",
            "seed {seed}"
        );
        guest.comes_back(&mut world, &job, true);
        assert_eq!(world.reply(guest.conn).status, 204, "seed {seed}");
        guest.ends.sort_unstable();
        assert!(
            guest.ends.into_iter().eq(0..u64::from(items)),
            "seed {seed}"
        );
        nobody_watches(&world);
    }
}

//! Where the model can be: its state, what the state has no room for, and which calls are over.
//!
//! A state holds packets by small numbers, and a queue that is not deep. Where packets leave in the order in which they
//! came, nothing that the model does depends on those far behind the front. So a place keeps them beside the state, and
//! moves them up as the front leaves: a port may hold as many as it likes. Where the calls come from a log, the numbers
//! stand for other packets as time goes by: a place says for which.

use std::rc::Rc;

use portsim_model::State;
use portsim_model::claim::Claim;
use portsim_model::program::ThreadId;

use super::calls::NONE;

/// As many packets stand in the state of a port that has more: more than any call takes.
pub(super) const FRONT: usize = 64;

/// Where the model can be.
#[derive(Clone)]
pub(super) struct Place {
    pub state: State,
    /// By thread: twice the calls that are over, and one more if the next has begun.
    pub done: Box<[u32]>,
    /// What the numbers of packets in the state stand for.
    pub numbers: Rc<Numbers>,
    /// By port, the packets behind those of the state.
    pub behind: Rc<[Behind]>,
    /// How many steps led here that nobody wrote down. Makes no difference to what can follow.
    pub unseen: u32,
    /// Why each step was possible that led here, the last first, where somebody asks. Makes none either.
    pub trail: Option<Rc<Trail>>,
}

/// A step of a way, and those before it.
#[derive(Debug)]
pub(super) struct Trail {
    pub by: Rc<[&'static Claim]>,
    pub before: Option<Rc<Trail>>,
}

/// Long ways end one by one, not each inside the other.
impl Drop for Trail {
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(step) = before {
            before = match Rc::try_unwrap(step) {
                Ok(mut step) => step.before.take(),
                Err(_) => None,
            };
        }
    }
}

impl Place {
    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Place>() + self.state.bytes().len() + size_of_val(&*self.done)
    }

    pub fn over(&self, thread: ThreadId) -> u32 {
        self.done[thread.index()] / 2
    }

    pub fn is_inside(&self, thread: ThreadId) -> bool {
        self.done[thread.index()] % 2 == 1
    }

    /// How far it is: a step that shows something leads to a greater number.
    pub fn progress(&self) -> u64 {
        self.done.iter().map(|&done| u64::from(done)).sum()
    }
}

/// For which packet each number stands.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    packets: Box<[u32]>,
}

impl Numbers {
    pub fn new(packets: Vec<u32>) -> Numbers {
        Numbers {
            packets: packets.into_boxed_slice(),
        }
    }

    pub fn packet(&self, number: u8) -> u32 {
        self.packets
            .get(usize::from(number))
            .copied()
            .unwrap_or(NONE)
    }

    /// A number for a packet, where `is_used` says which stand in the state. The same packet has the same number wherever
    /// that is possible: places that are alike are to look alike.
    pub fn number(
        numbers: &mut Rc<Numbers>,
        packet: u32,
        is_used: impl Fn(u8) -> bool,
    ) -> Option<u8> {
        let count = numbers.packets.len();
        let wanted = packet as usize % count;
        let all = || (0..count).map(|n| ((wanted + n) % count) as u8);
        if numbers.packet(wanted as u8) == packet {
            return Some(wanted as u8);
        }
        let known = || all().find(|n| is_used(*n) && numbers.packet(*n) == packet);
        let number = known().or_else(|| all().find(|&n| !is_used(n)))?;
        if numbers.packet(number) != packet {
            Rc::make_mut(numbers).packets[usize::from(number)] = packet;
        }
        Some(number)
    }
}

/// Packets behind those that the state of a port has room for: first in, first out. A copy costs nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Behind {
    /// The oldest first.
    front: Option<Rc<Link>>,
    /// The newest first.
    back: Option<Rc<Link>>,
    len: u32,
    digest: [u64; 2],
}

#[derive(Debug)]
struct Link {
    packet: u32,
    next: Option<Rc<Link>>,
}

/// Long lists end one by one, not each inside the other.
impl Drop for Link {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(link) = next {
            next = match Rc::try_unwrap(link) {
                Ok(mut link) => link.next.take(),
                Err(_) => None,
            };
        }
    }
}

/// A prime number, and two bases: a digest is what the packets come to as digits of a number.
const PRIME: u64 = (1 << 61) - 1;
const BASES: [u64; 2] = [0x0e5b_1c2f_9a3d_7741, 0x13c6_ef37_2fe9_4f83];

fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

fn power(base: u64, mut exponent: u32) -> u64 {
    let (mut result, mut base) = (1, base % PRIME);
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent /= 2;
    }
    result
}

impl Behind {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it holds, as far as it makes a difference.
    pub fn digest(&self) -> [u64; 3] {
        [self.len.into(), self.digest[0], self.digest[1]]
    }

    pub fn push(&mut self, packet: u32) {
        let next = self.back.take();
        self.back = Some(Rc::new(Link { packet, next }));
        self.len += 1;
        for (digest, base) in self.digest.iter_mut().zip(BASES) {
            *digest = (times(*digest, base) + u64::from(packet) + 1) % PRIME;
        }
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<u32> {
        if self.front.is_none() {
            let mut back = self.back.take();
            while let Some(link) = back {
                let next = self.front.take();
                let packet = link.packet;
                self.front = Some(Rc::new(Link { packet, next }));
                back = link.next.clone();
            }
        }
        let oldest = self.front.take()?;
        self.front.clone_from(&oldest.next);
        self.len -= 1;
        for (digest, base) in self.digest.iter_mut().zip(BASES) {
            let oldest = times(u64::from(oldest.packet) + 1, power(base, self.len));
            *digest = (*digest + PRIME - oldest) % PRIME;
        }
        Some(oldest.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_as_they_came_and_equal_rests_look_alike() {
        let mut one = Behind::default();
        (0..1000).for_each(|packet| one.push(packet));
        let copy = one.clone();
        for packet in 0..500 {
            assert_eq!(one.pop(), Some(packet));
        }
        (1000..1200).for_each(|packet| one.push(packet));
        let mut other = Behind::default();
        (500..1200).for_each(|packet| other.push(packet));
        assert_eq!(one.digest(), other.digest());
        assert_ne!(one.digest(), copy.digest());
        let rest: Vec<u32> = std::iter::from_fn(|| one.pop()).collect();
        assert_eq!(rest, (500..1200).collect::<Vec<_>>());
        assert_eq!(one.digest(), Behind::default().digest());
    }

    #[test]
    fn a_long_list_ends_without_a_deep_stack() {
        let mut one = Behind::default();
        (0..1_000_000).for_each(|packet| one.push(packet));
        drop(one);
    }

    #[test]
    fn a_number_that_stands_in_the_state_is_given_to_no_other_packet() {
        let mut numbers = Rc::new(Numbers::new(vec![NONE; 4]));
        let none = |_: u8| false;
        assert_eq!(Numbers::number(&mut numbers, 5, none), Some(1));
        assert_eq!(Numbers::number(&mut numbers, 9, |n| n == 1), Some(2));
        assert_eq!(Numbers::number(&mut numbers, 9, |n| n < 3), Some(2));
        assert_eq!(Numbers::number(&mut numbers, 5, |n| n < 3), Some(1));
        assert_eq!(Numbers::number(&mut numbers, 13, |_| true), None);
    }
}

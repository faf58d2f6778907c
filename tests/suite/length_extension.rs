//! Length extension: from the digest of a secret message, an attacker can compute the digest of that
//! message, its padding and a chosen tail. These tests do it.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::crafted::{Crafted, STRONG, WEAK};
use crate::sign_in::assert_rejected;
use support::world::World;

const BLOCK: usize = 64;

/// The padding of both hashes for a message of this many bytes.
fn padding(length: usize) -> Vec<u8> {
    let mut padding = vec![0x80];
    while !(length + padding.len() + 8).is_multiple_of(BLOCK) {
        padding.push(0);
    }
    let bits = 8 * u64::try_from(length).unwrap();
    padding.extend(bits.to_be_bytes());
    padding
}

/// The digest of a message of `length` bytes, its padding and `tail`, from the message's digest.
fn extend<const N: usize>(
    digest: &[u8],
    length: usize,
    tail: &[u8],
    compress: fn([u32; N], &[u8]) -> [u32; N],
) -> Vec<u8> {
    let mut state = [0; N];
    for (word, bytes) in state.iter_mut().zip(digest.chunks(4)) {
        *word = u32::from_be_bytes(bytes.try_into().unwrap());
    }
    let so_far = length + padding(length).len();
    let rest = [tail, &padding(so_far + tail.len())].concat();
    for block in rest.chunks(BLOCK) {
        state = compress(state, block);
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn words(block: &[u8]) -> impl Iterator<Item = u32> {
    let words = block.chunks(4);
    words.map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
}

/// One block of SHA-1 (FIPS 180-4, 6.1.2).
fn sha1_block(state: [u32; 5], block: &[u8]) -> [u32; 5] {
    let mut w: Vec<u32> = words(block).collect();
    for t in 16..80 {
        w.push((w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1));
    }
    let mut working = state;
    for (t, word) in w.into_iter().enumerate() {
        let [a, b, c, d, e] = working;
        let (f, k) = match t {
            0..20 => ((b & c) | (!b & d), 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6),
        };
        let next = sum([a.rotate_left(5), f, e, k, word]);
        working = [next, a, b.rotate_left(30), c, d];
    }
    std::array::from_fn(|index| sum([state[index], working[index]]))
}

/// One block of SHA-256 (FIPS 180-4, 6.2.2).
fn sha256_block(state: [u32; 8], block: &[u8]) -> [u32; 8] {
    let mut w: Vec<u32> = words(block).collect();
    for t in 16..64 {
        let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
        let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
        w.push(sum([w[t - 16], s0, w[t - 7], s1]));
    }
    let mut working = state;
    for (word, k) in w.into_iter().zip(cube_roots()) {
        let [a, b, c, d, e, f, g, h] = working;
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t1 = sum([h, s1, (e & f) ^ (!e & g), k, word]);
        let t2 = sum([s0, (a & b) ^ (a & c) ^ (b & c)]);
        working = [sum([t1, t2]), a, b, c, sum([d, t1]), e, f, g];
    }
    std::array::from_fn(|index| sum([state[index], working[index]]))
}

/// The constants of SHA-256: 32 bits of the fraction of the cube root of each of the first primes.
fn cube_roots() -> impl Iterator<Item = u32> {
    let is_prime = |n: &u128| (2..*n).all(|divisor| !n.is_multiple_of(divisor));
    (2..).filter(is_prime).map(|prime| {
        let (mut low, mut high) = (0_u128, 1 << 36);
        while high - low > 1 {
            let middle = (low + high) / 2;
            match middle.pow(3) <= prime << 96 {
                true => low = middle,
                false => high = middle,
            }
        }
        u32::try_from(low & 0xffff_ffff).unwrap()
    })
}

fn sum<const N: usize>(terms: [u32; N]) -> u32 {
    terms.into_iter().fold(0, u32::wrapping_add)
}

#[test]
fn a18_digest_can_be_extended_without_the_secret() {
    for length in [0, 1, 54, 55, 56, 63, 64, 65, 130] {
        let secret: Vec<u8> = (0..length).map(|byte| byte as u8 ^ 0x5a).collect();
        for tail in [&b""[..], b"0", b"boss@example.com", &[b'x'; 100]] {
            let whole = [&*secret, &padding(secret.len()), tail].concat();
            let sha1 = extend(&Sha1::digest(&secret), secret.len(), tail, sha1_block);
            assert_eq!(sha1, Sha1::digest(&whole).to_vec(), "{length}");
            let sha256 = extend(&Sha256::digest(&secret), secret.len(), tail, sha256_block);
            assert_eq!(sha256, Sha256::digest(&whole).to_vec(), "{length}");
        }
    }
}

#[tokio::test]
async fn a18_length_extended_token_is_rejected_despite_valid_digest() {
    let world = World::start().await;
    let addon = world.addon().await;
    let salt = world.heroku.sso_salt();
    let genuine = Crafted::of(&world, &addon, "ann@example.com");
    let digest = |field: &str| hex::decode(genuine.get(field)).unwrap();
    let length = |fields: &[&str]| -> usize {
        let lengths = fields.iter().map(|field| genuine.get(field).len() + 1);
        // Each field with a colon, the salt without one.
        lengths.sum::<usize>() + salt.len()
    };
    let signed_by_sha1 = length(&["resource_id", "timestamp"]);
    let signed_by_sha256 = length(&["resource_id", "timestamp", "user_id", "email"]);
    let mut forms = Vec::new();
    for tail in ["", "0", "1", "9999999999", ":x"] {
        let token = extend(&digest(WEAK), signed_by_sha1, tail.as_bytes(), sha1_block);
        let timestamp = [genuine.get("timestamp"), &padding(signed_by_sha1)].concat();
        let form = genuine.clone().without(STRONG);
        let form = form.with("timestamp", [&*timestamp, tail.as_bytes()].concat());
        forms.push((WEAK, form.with(WEAK, hex::encode(token))));
    }
    for tail in ["", ".evil.example", "boss@example.com", "@example.com", " "] {
        let token = extend(
            &digest(STRONG),
            signed_by_sha256,
            tail.as_bytes(),
            sha256_block,
        );
        let email = [genuine.get("email"), &padding(signed_by_sha256)].concat();
        let form = genuine.clone().without(WEAK);
        let form = form.with("email", [&*email, tail.as_bytes()].concat());
        forms.push((STRONG, form.with(STRONG, hex::encode(token))));
    }
    let browser = world.browser();
    let submit = async |form: &Crafted| browser.submit_body("/heroku/sso", &form.body()).await;
    for (field, form) in forms {
        let with_salt = form.clone().signed(&salt);
        assert_eq!(form.get(field), with_salt.get(field), "the attack works");
        assert_rejected(&world, &submit(&form).await, 403);
    }
    // Nor does an encoding of the same bytes as other text help.
    let latin = padding(signed_by_sha256).into_iter().map(char::from);
    let email = format!("ann@example.com{}.evil.example", latin.collect::<String>());
    let form = genuine.clone().with("email", email);
    assert_rejected(&world, &submit(&form).await, 403);
    assert_eq!(submit(&genuine).await.status, 303);
}

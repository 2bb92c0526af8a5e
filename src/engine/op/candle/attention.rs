//! The paged cache in candle's tensors, and attention over it.
//!
//! Invariant: a token's keys and values are written before anybody attends, and nothing is read but
//! what the panels name. Guarded by `tests/engine_candle.rs`.

use super::panel::{Panel, panels};
use super::{Candle, narrow};
use crate::engine::EngineError;
use crate::engine::op::{Attention, BLOCK, CacheShape, KvType, Ragged};
use crate::model::spec::{Pairs, Rope};
use crate::units::Bytes;
use candle_core::{D, DType, Device, Error, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::rotary_emb::{rope, rope_i};

/// Keys and values of every layer: rows of a head, in the order `[blocks, kv_heads, BLOCK]`.
pub(super) struct Cache {
    shape: CacheShape,
    layers: Vec<[Tensor; 2]>,
}

/// What attention needs of a batch beside its numbers, on the device, as far as layers asked for it.
#[derive(Default)]
pub(super) struct Prepared {
    batch: Ragged,
    kv_heads: usize,
    slots: Option<Tensor>,
    rotations: Vec<(Rope, Rotation)>,
    panels: Vec<(Option<usize>, Vec<Placed>)>,
}

/// Cosines and sines of a batch's positions, `[tokens, 1, pairs]`.
#[derive(Clone)]
pub(super) struct Rotation {
    cosines: Tensor,
    sines: Tensor,
}

/// A panel on the device.
#[derive(Clone)]
pub(super) struct Placed {
    sequences: usize,
    tokens: usize,
    length: usize,
    /// The batch's rows.
    rows: Tensor,
    /// The cache's rows: `[sequences * kv_heads * length]`.
    held: Tensor,
    /// `[sequences, 1, tokens, length]`.
    mask: Option<Tensor>,
}

/// All that a layer's attention needs of a batch.
pub(super) struct ForLayer<'a> {
    slots: &'a Tensor,
    rotation: &'a Rotation,
    panels: &'a [Placed],
}

impl Prepared {
    /// What a layer needs; made once for all layers that need the same.
    pub(super) fn for_layer(
        &mut self,
        how: &Attention<'_, Candle>,
        batch: &Ragged,
        device: &Device,
    ) -> Result<ForLayer<'_>, Error> {
        if self.batch != *batch || self.kv_heads != how.kv_heads {
            *self = Self { batch: batch.clone(), kv_heads: how.kv_heads, ..Self::default() };
        }
        let kv_heads = self.kv_heads;
        if self.slots.is_none() {
            let slots = batch.slots.iter().map(|&slot| slot as usize);
            let rows = slots.flat_map(|slot| (0..kv_heads).map(move |head| (slot, head)));
            let rows: Vec<_> = rows.map(|(slot, head)| row(slot, head, kv_heads)).collect();
            self.slots = Some(Tensor::new(rows, device)?);
        }
        if !self.rotations.iter().any(|(rope, _)| rope == how.rope) {
            let rotation = Rotation::new(how.rope, &batch.positions, device)?;
            self.rotations.push((how.rope.clone(), rotation));
        }
        if !self.panels.iter().any(|(window, _)| *window == how.window) {
            let placed = panels(batch, how.window)
                .into_iter()
                .map(|panel| Placed::new(panel, kv_heads, device))
                .collect::<Result<_, _>>()?;
            self.panels.push((how.window, placed));
        }
        let missing = || Error::Msg("a batch that was prepared for another layer".to_owned());
        let rotation = self.rotations.iter().find(|(rope, _)| rope == how.rope);
        let panels = self.panels.iter().find(|(window, _)| *window == how.window);
        Ok(ForLayer {
            slots: self.slots.as_ref().ok_or_else(missing)?,
            rotation: rotation.map(|(_, rotation)| rotation).ok_or_else(missing)?,
            panels: panels.map(|(_, panels)| &panels[..]).ok_or_else(missing)?,
        })
    }
}

/// Where a head of a slot is among the cache's rows.
fn row(slot: usize, head: usize, kv_heads: usize) -> u32 {
    narrow((slot / BLOCK * kv_heads + head) * BLOCK + slot % BLOCK)
}

impl Rotation {
    fn new(rope: &Rope, positions: &[u32], device: &Device) -> Result<Self, Error> {
        let angles: Vec<f64> = positions
            .iter()
            .flat_map(|&position| rope.frequencies.iter().map(move |f| f64::from(position) * f))
            .collect();
        #[expect(clippy::cast_possible_truncation, reason = "candle turns in `f32`")]
        let table = |of: fn(f64) -> f64| {
            let scaled = |&angle: &f64| (of(angle) * f64::from(rope.magnitude)) as f32;
            let shape = (positions.len(), 1, rope.frequencies.len());
            Tensor::from_vec(angles.iter().map(scaled).collect(), shape, device)
        };
        Ok(Self { cosines: table(f64::cos)?, sines: table(f64::sin)? })
    }

    /// Turns `[tokens, heads, 1, head_size]`.
    fn turn(&self, x: &Tensor, pairs: Pairs) -> Result<Tensor, Error> {
        let (size, turned) = (x.dim(D::Minus1)?, 2 * self.cosines.dim(D::Minus1)?);
        let turn = |x: &Tensor| match pairs {
            Pairs::Halves => rope(x, &self.cosines, &self.sines),
            Pairs::Adjacent => rope_i(x, &self.cosines, &self.sines),
        };
        if turned == size {
            return turn(&x.contiguous()?);
        }
        let rest = x.narrow(D::Minus1, turned, size - turned)?;
        Tensor::cat(&[turn(&x.narrow(D::Minus1, 0, turned)?.contiguous()?)?, rest], D::Minus1)
    }
}

impl Placed {
    fn new(panel: Panel, kv_heads: usize, device: &Device) -> Result<Self, Error> {
        let Panel { rows, tokens, length, slots, mask } = panel;
        let sequences = rows.len() / tokens;
        let rows: Vec<_> = rows.into_iter().map(narrow).collect();
        let held: Vec<_> = slots
            .chunks(length)
            .flat_map(|slots| (0..kv_heads).map(move |head| (slots, head)))
            .flat_map(|(slots, head)| slots.iter().map(move |&slot| row(slot, head, kv_heads)))
            .collect();
        let masked = !mask.is_empty();
        let mask = masked
            .then(|| Tensor::from_vec(mask, (sequences, 1, tokens, length), device))
            .transpose()?;
        let (rows, held) = (Tensor::new(rows, device)?, Tensor::new(held, device)?);
        Ok(Self { sequences, tokens, length, rows, held, mask })
    }
}

impl Cache {
    pub(super) fn new(shape: CacheShape, device: &Device) -> Result<Self, EngineError> {
        let bytes = Bytes(shape.bytes() as u64);
        let rows = shape.blocks * shape.kv_heads * BLOCK;
        if u32::try_from(rows).is_err() {
            return Err(EngineError::Memory { bytes });
        }
        let kind = match shape.kv {
            KvType::F16 => DType::F16,
            KvType::F32 => DType::F32,
        };
        let zeros = || Tensor::zeros((rows, shape.head_size), kind, device);
        let layers = (0..shape.layers)
            .map(|_| Ok([zeros()?, zeros()?]))
            .collect::<Result<_, Error>>()
            .map_err(|_| EngineError::Memory { bytes })?;
        Ok(Self { shape, layers })
    }

    pub(super) fn copy_blocks(&self, copies: &[(u32, u32)]) -> Result<(), Error> {
        let rows = self.shape.kv_heads * BLOCK;
        for &(from, to) in copies {
            for cache in self.layers.iter().flatten() {
                let block = cache.narrow(0, from as usize * rows, rows)?.copy()?;
                cache.slice_set(&block, 0, to as usize * rows)?;
            }
        }
        Ok(())
    }

    /// Writes a layer's keys and values, and attends: `[tokens, heads * head_size]`.
    pub(super) fn attend(
        &self,
        how: &Attention<'_, Candle>,
        [queries, keys, values]: [&Tensor; 3],
        at: &ForLayer<'_>,
    ) -> Result<Tensor, Error> {
        let Attention { heads, kv_heads, head_size, .. } = *how;
        let tokens = queries.dim(0)?;
        let mut queries = queries.reshape((tokens, heads, 1, head_size))?;
        let mut keys = keys.reshape((tokens, kv_heads, 1, head_size))?;
        if let Some(norm) = how.query_norm {
            queries = norm.forward(&queries)?;
        }
        if let Some(norm) = how.key_norm {
            keys = norm.forward(&keys)?;
        }
        let queries = at.rotation.turn(&queries, how.rope.pairs)?;
        let keys = at.rotation.turn(&keys, how.rope.pairs)?;
        let cached = &self.layers[how.layer];
        let shape = (tokens * kv_heads, head_size);
        let slots = at.slots.unsqueeze(1)?.expand(shape)?.contiguous()?;
        for (cache, new) in cached.iter().zip([&keys, values]) {
            let new = new.reshape(shape)?.to_dtype(cache.dtype())?.contiguous()?;
            cache.scatter_set(&slots, &new, 0)?;
        }

        let queries = queries.reshape((tokens, heads * head_size))?;
        let found = at.panels.iter().map(|panel| panel.attend(how, cached, &queries));
        let found = Tensor::cat(&found.collect::<Result<Vec<_>, _>>()?, 0)?;
        let order = at.panels.iter().map(|panel| panel.rows.clone()).collect::<Vec<_>>();
        // The panels' rows say where each row of `found` belongs.
        let to = Tensor::cat(&order, 0)?.unsqueeze(1)?.expand(found.shape())?.contiguous()?;
        let out = found.zeros_like()?;
        out.scatter_set(&to, &found, 0)?;
        Ok(out)
    }
}

impl Placed {
    /// What the panel's rows of `[tokens, heads * head_size]` queries find in a layer's cache.
    fn attend(
        &self,
        how: &Attention<'_, Candle>,
        [keys, values]: &[Tensor; 2],
        queries: &Tensor,
    ) -> Result<Tensor, Error> {
        let Attention { heads, kv_heads, head_size, .. } = *how;
        let Self { sequences, tokens, length, .. } = *self;
        let group = heads / kv_heads;
        // A key head's queries and new tokens are rows of one product.
        let queries = queries
            .index_select(&self.rows, 0)?
            .reshape((sequences, tokens, kv_heads, group, head_size))?
            .permute((0, 2, 3, 1, 4))?
            .reshape((sequences * kv_heads, group * tokens, head_size))?;
        let held = |cache: &Tensor| {
            let rows = cache.index_select(&self.held, 0)?.to_dtype(DType::F32)?;
            rows.reshape((sequences * kv_heads, length, head_size))
        };
        let scores = queries.matmul(&held(keys)?.t()?)?;
        let mut scores = scores.affine(f64::from(how.scale), 0.0)?;
        if let Some(cap) = how.cap {
            let cap = f64::from(cap);
            scores = scores.affine(1.0 / cap, 0.0)?.tanh()?.affine(cap, 0.0)?;
        }
        if let Some(mask) = &self.mask {
            scores = scores.reshape((sequences, heads, tokens, length))?.broadcast_add(mask)?;
        }
        let shares = softmax_last_dim(&scores.contiguous()?)?;
        shares
            .reshape((sequences * kv_heads, group * tokens, length))?
            .matmul(&held(values)?)?
            .reshape((sequences, kv_heads, group, tokens, head_size))?
            .permute((0, 3, 1, 2, 4))?
            .reshape((sequences * tokens, heads * head_size))
    }
}

//! A [`Backend`] composed of candle's operations: how a decoder runs on CUDA.
//!
//! Invariant: it computes what [`super::cpu::Cpu`] does, up to rounding, on any device of candle's;
//! guarded on the CPU by `tests/engine_candle.rs`. On CUDA it is known to compile, and no more: where
//! it was written there is no GPU.
//!
//! The paged cache has the layout that `kernels/` take, so that those can replace operations one by
//! one. Quantized weights stay as they are stored; 16-bit ones are widened to 32 bits once.
//!
//! Deliberately absent: an order of sums that no batch changes. That is candle's and cuBLAS's affair.

mod attention;
mod panel;

use super::cpu::experts;
use super::{Attention, Backend, CacheShape, Experts, Ragged, ReadRows};
use crate::engine::EngineError;
use crate::engine::device::Placement;
use crate::model::spec::Activation;
use crate::model::weights::Matrix;
use attention::{Cache, Prepared};
use candle_core::quantized::{GgmlDType, QMatMul, ggml_file};
use candle_core::{Device, Error, Module, Tensor};
use candle_nn::ops::rms_norm;

/// Operations of candle on one of its devices.
pub struct Candle {
    device: Device,
    cache: Option<Cache>,
    /// What the last batch's attention needs, which its layers have in common.
    prepared: Prepared,
}

/// Rows of activations; `None` where there are none, for a GPU has no array of nothing.
pub type Rows = Option<Tensor>;

/// A matrix of weights with its bias.
#[derive(Debug)]
pub struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
}

/// The weights of an `RMSNorm`.
#[derive(Debug)]
pub struct Norm {
    weight: Tensor,
    epsilon: f32,
}

impl Candle {
    /// On a device.
    pub fn new(on: Placement) -> Self {
        Self { device: on.device, cache: None, prepared: Prepared::default() }
    }

    fn indices(&self, rows: &[usize]) -> Result<Tensor, EngineError> {
        let rows: Vec<u32> = rows.iter().map(|&row| narrow(row)).collect();
        Tensor::new(rows, &self.device).map_err(failed)
    }
}

impl Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        let out = self.weight.forward(x)?;
        match &self.bias {
            Some(bias) => out.broadcast_add(bias),
            None => Ok(out),
        }
    }
}

impl Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        rms_norm(&x.contiguous()?, &self.weight, self.epsilon)
    }
}

impl Backend for Candle {
    type Tensor = Rows;
    type Linear = Linear;
    type Norm = Norm;

    fn linear(
        &mut self,
        matrix: Matrix,
        bias: Option<Vec<f32>>,
        read: &mut ReadRows<'_>,
    ) -> Result<Linear, EngineError> {
        let Matrix { kind, rows, cols, plus } = matrix;
        let refused = |why: String| EngineError::Weights { kind: kind.to_owned(), rows, cols, why };
        let stored = stored(kind).ok_or_else(|| refused("candle has no product for it".into()))?;
        if !cols.is_multiple_of(stored.block_size()) {
            let why = format!("rows are not whole blocks of {}", stored.block_size());
            return Err(refused(why));
        }
        if plus.abs() > 0.0 {
            return Err(refused(format!("{plus} is to be added to its numbers")));
        }
        let mut bytes = Vec::new();
        read(0..rows, &mut bytes)?;
        // Candle reads as many bytes as the shape asks for, whatever was given.
        let wanted = rows * (cols / stored.block_size()) * stored.type_size();
        if bytes.len() != wanted {
            return Err(refused(format!("it has {} bytes instead of {wanted}", bytes.len())));
        }
        let load = || {
            let stored =
                ggml_file::qtensor_from_ggml(stored, &bytes, vec![rows, cols], &self.device)?;
            let bias = bias.map(|bias| Tensor::new(bias, &self.device)).transpose()?;
            Ok(Linear { weight: QMatMul::from_qtensor(stored)?, bias })
        };
        load().map_err(failed)
    }

    fn norm_weights(&mut self, weights: Vec<f32>, epsilon: f32) -> Result<Norm, EngineError> {
        let weight = Tensor::new(weights, &self.device).map_err(failed)?;
        Ok(Norm { weight, epsilon })
    }

    fn reserve(&mut self, cache: CacheShape) -> Result<(), EngineError> {
        self.cache = Some(Cache::new(cache, &self.device)?);
        Ok(())
    }

    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError> {
        let Some(cache) = &self.cache else { return Ok(()) };
        cache.copy_blocks(copies).map_err(failed)
    }

    fn embed(&mut self, table: &Linear, ids: &[u32], scale: f32) -> Result<Rows, EngineError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let embed = || {
            let rows = table.weight.embedding(&Tensor::new(ids, &self.device)?)?;
            rows.affine(f64::from(scale), 0.0)
        };
        embed().map(Some).map_err(failed)
    }

    fn norm(&mut self, x: &Rows, by: &Norm) -> Result<Rows, EngineError> {
        x.as_ref().map(|x| by.forward(x)).transpose().map_err(failed)
    }

    fn add_norm(
        &mut self,
        x: &mut Rows,
        delta: Rows,
        post: Option<&Norm>,
        by: &Norm,
    ) -> Result<Rows, EngineError> {
        let (Some(stream), Some(delta)) = (x.as_ref(), delta) else { return Ok(None) };
        let add = || {
            let delta = post.map_or(Ok(delta.clone()), |post| post.forward(&delta))?;
            let sum = (stream + delta)?;
            Ok((by.forward(&sum)?, sum))
        };
        let (y, sum) = add().map_err(failed)?;
        *x = Some(sum);
        Ok(Some(y))
    }

    fn project<const N: usize>(
        &mut self,
        x: &Rows,
        by: [&Linear; N],
    ) -> Result<[Rows; N], EngineError> {
        let mut out = [const { None }; N];
        if let Some(x) = x {
            for (out, linear) in out.iter_mut().zip(by) {
                *out = Some(linear.forward(x).map_err(failed)?);
            }
        }
        Ok(out)
    }

    fn attend(
        &mut self,
        how: &Attention<'_, Self>,
        qkv: [Rows; 3],
        batch: &Ragged,
    ) -> Result<Rows, EngineError> {
        let [Some(queries), Some(keys), Some(values)] = qkv else { return Ok(None) };
        let Some(cache) = &self.cache else {
            return Err(EngineError::Memory { bytes: crate::units::Bytes(0) });
        };
        let Self { prepared, device, .. } = self;
        let mut attend = || {
            let prepared = prepared.for_layer(how, batch, device)?;
            cache.attend(how, [&queries, &keys, &values], &prepared)
        };
        attend().map(Some).map_err(failed)
    }

    fn gated(
        &mut self,
        x: &Rows,
        gate: &Linear,
        up: &Linear,
        activation: Activation,
    ) -> Result<Rows, EngineError> {
        let Some(x) = x else { return Ok(None) };
        let gated = || {
            let gate = gate.forward(x)?;
            let gate = match activation {
                Activation::Silu => gate.silu()?,
                Activation::GeluTanh => gate.gelu()?,
            };
            gate * up.forward(x)?
        };
        gated().map(Some).map_err(failed)
    }

    fn experts(
        &mut self,
        x: &Rows,
        experts: &Experts<Linear>,
        activation: Activation,
    ) -> Result<Rows, EngineError> {
        let Some(rows) = x else { return Ok(None) };
        let scores = experts.router.forward(rows).and_then(|scores| scores.to_vec2::<f32>());
        let route = |scores: Vec<f32>| experts::best(&scores, experts.used, experts.normalized);
        let routes: Vec<_> = scores.map_err(failed)?.into_iter().map(route).collect();
        let mut out = rows.zeros_like().map_err(failed)?;
        for (expert, [gate, up, down]) in experts.each.iter().enumerate() {
            let mine = routes.iter().enumerate().flat_map(|(row, routes)| {
                routes.iter().filter(|(one, _)| *one == expert).map(move |&(_, by)| (row, by))
            });
            let (mine, by): (Vec<usize>, Vec<f32>) = mine.unzip();
            if mine.is_empty() {
                continue;
            }
            let input = self.select(x, &mine)?;
            let Some(inner) = self.gated(&input, gate, up, activation)? else { continue };
            let mine = self.indices(&mine)?;
            let add = || {
                let by = Tensor::new(by, &self.device)?.unsqueeze(1)?;
                out.index_add(&mine, &down.forward(&inner)?.broadcast_mul(&by)?, 0)
            };
            out = add().map_err(failed)?;
        }
        Ok(Some(out))
    }

    fn select(&mut self, x: &Rows, rows: &[usize]) -> Result<Rows, EngineError> {
        let Some(x) = x.as_ref().filter(|_| !rows.is_empty()) else { return Ok(None) };
        x.index_select(&self.indices(rows)?, 0).map(Some).map_err(failed)
    }

    fn to_host(&mut self, x: Rows) -> Result<Vec<f32>, EngineError> {
        let Some(x) = x else { return Ok(Vec::new()) };
        x.flatten_all().and_then(|x| x.to_vec1()).map_err(failed)
    }

    fn describe(&self) -> String {
        if self.device.is_cuda() {
            "candle's operations on CUDA".to_owned()
        } else {
            let threads = candle_core::utils::get_num_threads();
            format!("candle's operations on the CPU, {threads} threads")
        }
    }
}

/// The form of weights that GGUF names so, where candle has products for it.
fn stored(kind: &str) -> Option<GgmlDType> {
    Some(match kind {
        "F32" => GgmlDType::F32,
        "F16" => GgmlDType::F16,
        "BF16" => GgmlDType::BF16,
        "Q4_0" => GgmlDType::Q4_0,
        "Q4_1" => GgmlDType::Q4_1,
        "Q5_0" => GgmlDType::Q5_0,
        "Q5_1" => GgmlDType::Q5_1,
        "Q8_0" => GgmlDType::Q8_0,
        "Q2_K" => GgmlDType::Q2K,
        "Q3_K" => GgmlDType::Q3K,
        "Q4_K" => GgmlDType::Q4K,
        "Q5_K" => GgmlDType::Q5K,
        "Q6_K" => GgmlDType::Q6K,
        _ => return None,
    })
}

fn failed(error: Error) -> EngineError {
    EngineError::Forward(Box::new(error))
}

/// An index of a row; there are far fewer than 2^32 of activations, and [`Cache::new`] sees to it that
/// the cache has no more.
fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

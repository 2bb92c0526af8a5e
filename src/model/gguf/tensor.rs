//! Tensors as the header describes them: name, type, shape, place; and whether that can be true.

use super::cursor::Cursor;
use super::error::{GgufError, Problem};
use crate::units::Bytes;

/// The format's limit (`GGML_MAX_DIMS`).
const DIMENSIONS_MAX: u32 = 4;

/// How a tensor's numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorType(&'static Kind);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    number: u32,
    name: &'static str,
    block_elements: u64,
    block_bytes: u64,
    /// Whether candle 0.11 can load it (`ggml_file::qtensor_from_ggml`).
    loads: bool,
}

const fn kind(
    number: u32,
    name: &'static str,
    block_elements: u64,
    block_bytes: u64,
    loads: bool,
) -> Kind {
    Kind { number, name, block_elements, block_bytes, loads }
}

/// `enum ggml_type` and the block structures of `ggml-common.h`,
/// <https://github.com/ggml-org/ggml/blob/master/include/ggml.h>. Numbers left out were withdrawn.
static KINDS: &[Kind] = &[
    kind(0, "F32", 1, 4, true),
    kind(1, "F16", 1, 2, true),
    kind(2, "Q4_0", 32, 18, true),
    kind(3, "Q4_1", 32, 20, true),
    kind(6, "Q5_0", 32, 22, true),
    kind(7, "Q5_1", 32, 24, true),
    kind(8, "Q8_0", 32, 34, true),
    kind(9, "Q8_1", 32, 36, false),
    kind(10, "Q2_K", 256, 84, true),
    kind(11, "Q3_K", 256, 110, true),
    kind(12, "Q4_K", 256, 144, true),
    kind(13, "Q5_K", 256, 176, true),
    kind(14, "Q6_K", 256, 210, true),
    kind(15, "Q8_K", 256, 292, false),
    kind(16, "IQ2_XXS", 256, 66, false),
    kind(17, "IQ2_XS", 256, 74, false),
    kind(18, "IQ3_XXS", 256, 98, false),
    kind(19, "IQ1_S", 256, 50, false),
    kind(20, "IQ4_NL", 32, 18, false),
    kind(21, "IQ3_S", 256, 110, false),
    kind(22, "IQ2_S", 256, 82, false),
    kind(23, "IQ4_XS", 256, 136, false),
    kind(24, "I8", 1, 1, false),
    kind(25, "I16", 1, 2, false),
    kind(26, "I32", 1, 4, false),
    kind(27, "I64", 1, 8, false),
    kind(28, "F64", 1, 8, false),
    kind(29, "IQ1_M", 256, 56, false),
    kind(30, "BF16", 1, 2, true),
    kind(34, "TQ1_0", 256, 54, false),
    kind(35, "TQ2_0", 256, 66, false),
    kind(39, "MXFP4", 32, 17, false),
];

impl TensorType {
    /// By its number in the file.
    fn find(number: u32) -> Option<Self> {
        KINDS.iter().find(|kind| kind.number == number).map(Self)
    }

    /// Its name: `Q4_K`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether the engine can load it.
    pub fn loads(self) -> bool {
        self.0.loads
    }
}

/// A tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// How it is stored.
    pub kind: TensorType,
    /// Its dimensions as in the file: the length of a row first, 1 to 4 of them, none 0.
    pub dimensions: Vec<u64>,
    /// How many numbers it holds.
    pub elements: u64,
    /// How many bytes it takes.
    pub bytes: Bytes,
    /// Where it begins, from the start of the data section.
    pub offset: u64,
    at: u64,
    /// Where in the file its offset stands.
    offset_at: u64,
}

impl Tensor {
    /// Reads a description and checks all of it that can be checked before the data section is known.
    pub(super) fn read(cursor: &mut Cursor) -> Result<Self, GgufError> {
        let at = cursor.at();
        let name = cursor.name("a tensor's name")?;
        let what = format!("tensor `{name}`");
        let dimensions_at = cursor.at();
        let count = cursor.u32(&what)?;
        if !(1..=DIMENSIONS_MAX).contains(&count) {
            let what = format!("number of dimensions of {what}");
            let (value, most) = (count.into(), DIMENSIONS_MAX.into());
            return Err(cursor.fail(dimensions_at, Problem::Count { what, value, most }));
        }
        let mut dimensions = Vec::new();
        for _ in 0..count {
            dimensions.push(cursor.u64(&what)?);
        }
        let type_at = cursor.at();
        let number = cursor.u32(&what)?;
        let Some(kind) = TensorType::find(number) else {
            let problem = Problem::TensorType { tensor: name, value: number };
            return Err(cursor.fail(type_at, problem));
        };
        let refuse = |dimensions: Vec<u64>, why: String| {
            let problem = Problem::Dimensions { tensor: name.clone(), dimensions, why };
            cursor.fail(dimensions_at, problem)
        };
        if dimensions.contains(&0) {
            return Err(refuse(dimensions, "one of them is 0".to_owned()));
        }
        let Kind { block_elements, block_bytes, name: kind_name, .. } = *kind.0;
        if !dimensions[0].is_multiple_of(block_elements) {
            let why = format!("a row of {kind_name} is a multiple of {block_elements}");
            return Err(refuse(dimensions, why));
        }
        // Twice the element count in bytes must fit too, so that nobody's product overflows later.
        let elements = dimensions.iter().try_fold(1_u64, |all, &one| all.checked_mul(one));
        let sized = elements
            .filter(|&all| all <= u64::MAX / 8 && usize::try_from(all).is_ok())
            .and_then(|all| Some((all, (all / block_elements).checked_mul(block_bytes)?)));
        let Some((elements, bytes)) = sized.filter(|&(_, bytes)| bytes <= cursor.end()) else {
            let why = format!("they hold more than the file's {} bytes", cursor.end());
            return Err(refuse(dimensions, why));
        };
        let offset_at = cursor.at();
        let offset = cursor.u64(&what)?;
        let bytes = Bytes(bytes);
        Ok(Self { name, kind, dimensions, elements, bytes, offset, at, offset_at })
    }

    /// Where in the file it is described.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        // Neither is 0: `read` has seen to it.
        self.elements / self.dimensions[0]
    }

    /// Where its bytes end, from the start of the data section. Checked by `Tensor::place`.
    fn end(&self) -> u64 {
        self.offset + self.bytes.0
    }

    /// Checks that it lies within a data section of `section` bytes, aligned.
    pub(super) fn place(
        &self,
        cursor: &Cursor,
        section: u64,
        alignment: u64,
    ) -> Result<(), GgufError> {
        let refuse = |why: String| {
            let (tensor, offset) = (self.name.clone(), self.offset);
            Err(cursor.fail(self.offset_at, Problem::Offset { tensor, offset, why }))
        };
        if !self.offset.is_multiple_of(alignment) {
            return refuse(format!("it is not a multiple of the alignment {alignment}"));
        }
        match self.offset.checked_add(self.bytes.0) {
            Some(end) if end <= section => Ok(()),
            _ => refuse(format!(
                "its {} bytes don't fit into the {section} bytes of data in the file",
                self.bytes.0
            )),
        }
    }

    /// Checks that no two of them share a byte.
    pub(super) fn apart<'a>(
        tensors: impl Iterator<Item = &'a Self>,
        cursor: &Cursor,
    ) -> Result<(), GgufError> {
        let mut in_order: Vec<_> = tensors.collect();
        in_order.sort_by_key(|tensor| tensor.offset);
        for pair in in_order.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            if before.end() > after.offset {
                let why = format!(
                    "it lies within tensor `{}`, which goes from {} to {}",
                    before.name,
                    before.offset,
                    before.end()
                );
                let (tensor, offset) = (after.name.clone(), after.offset);
                let problem = Problem::Offset { tensor, offset, why };
                return Err(cursor.fail(after.offset_at, problem));
            }
        }
        Ok(())
    }
}

//! The requests of a run as Parquet, by the crate's own columns, without Arrow.
//!
//! What a request may lack is optional; lists are of the three-level form that all readers know
//! (`LIST`, `list`, `element`). The run's head is in the file's metadata under `mtok.run`.

use super::column::{COLUMNS, Column, Of, Row};
use super::{ExportError, rows};
use crate::record::Run;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{PrimitiveTypeBuilder, Type, TypePtr};
use std::io::Write;
use std::sync::Arc;

/// Requests in a row group: what a reader must hold at once.
const GROUP: usize = 16_384;

/// Writes the requests of a run.
///
/// # Errors
/// Where they can't be written.
pub fn parquet(run: &Run, out: impl Write + Send) -> Result<(), ExportError> {
    let head = serde_json::to_string(&run.header)?;
    let about = vec![KeyValue::new("mtok.run".to_owned(), head)];
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("mtok {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(about))
        .build();
    let mut writer = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
    let rows: Vec<Row> = rows(run).collect();
    for group in rows.chunks(GROUP) {
        let mut columns = writer.next_row_group()?;
        for column in COLUMNS {
            write(&mut columns, column, group)?;
        }
        columns.close()?;
    }
    writer.close()?;
    Ok(())
}

fn schema() -> Result<TypePtr, ExportError> {
    let columns = COLUMNS.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Type::group_type_builder("request").with_fields(columns).build()?))
}

fn field(column: &Column) -> Result<TypePtr, ExportError> {
    let Column { name, of } = column;
    let made = match of {
        Of::Whole(_) => one(name, Physical::INT64, Repetition::OPTIONAL).build()?,
        Of::Time(_) => one(name, Physical::DOUBLE, Repetition::OPTIONAL).build()?,
        Of::Flag(_) => one(name, Physical::BOOLEAN, Repetition::REQUIRED).build()?,
        Of::Word(_) => one(name, Physical::BYTE_ARRAY, Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8)
            .build()?,
        Of::Times(_) => {
            list(name, one("element", Physical::DOUBLE, Repetition::REQUIRED).build()?)?
        }
        Of::Counts(_) => {
            list(name, one("element", Physical::INT64, Repetition::REQUIRED).build()?)?
        }
    };
    Ok(Arc::new(made))
}

fn one(name: &str, physical: Physical, repetition: Repetition) -> PrimitiveTypeBuilder<'_> {
    Type::primitive_type_builder(name, physical).with_repetition(repetition)
}

fn list(name: &str, element: Type) -> Result<Type, ExportError> {
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    Ok(Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_converted_type(ConvertedType::LIST)
        .with_fields(vec![Arc::new(repeated)])
        .build()?)
}

fn write<W: Write + Send>(
    to: &mut SerializedRowGroupWriter<W>,
    column: &Column,
    rows: &[Row],
) -> Result<(), ExportError> {
    match column.of {
        Of::Whole(of) => optional::<Int64Type, W>(to, rows.iter().map(|row| of(row).map(whole))),
        Of::Time(of) => optional::<DoubleType, W>(to, rows.iter().map(|row| Some(of(row)?.0))),
        Of::Word(of) => optional::<ByteArrayType, W>(
            to,
            rows.iter().map(|row| Some(ByteArray::from(of(row)?.into_bytes()))),
        ),
        Of::Flag(of) => {
            let values: Vec<bool> = rows.iter().map(of).collect();
            batch::<BoolType, W>(to, &values, None, None)
        }
        Of::Times(of) => lists::<DoubleType, W>(
            to,
            rows.iter().map(|row| of(row).into_iter().map(|time| time.0).collect()),
        ),
        Of::Counts(of) => lists::<Int64Type, W>(
            to,
            rows.iter().map(|row| of(row).into_iter().map(whole).collect()),
        ),
    }
}

/// Parquet's own whole numbers have a sign.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Level 1: there is a value.
fn optional<T: DataType, W: Write + Send>(
    to: &mut SerializedRowGroupWriter<W>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ExportError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    batch::<T, W>(to, &values, Some(&levels), None)
}

/// Level 1: there is an element. An empty list has one place, of level 0. Every element but a list's
/// first repeats.
fn lists<T: DataType, W: Write + Send>(
    to: &mut SerializedRowGroupWriter<W>,
    cells: impl Iterator<Item = Vec<T::T>>,
) -> Result<(), ExportError> {
    let (mut values, mut levels, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        if cell.is_empty() {
            levels.push(0);
            repeats.push(0);
        }
        levels.extend(cell.iter().map(|_| 1));
        repeats.extend(cell.iter().enumerate().map(|(index, _)| i16::from(index > 0)));
        values.extend(cell);
    }
    batch::<T, W>(to, &values, Some(&levels), Some(&repeats))
}

fn batch<T: DataType, W: Write + Send>(
    to: &mut SerializedRowGroupWriter<W>,
    values: &[T::T],
    levels: Option<&[i16]>,
    repeats: Option<&[i16]>,
) -> Result<(), ExportError> {
    // There are as many columns as the schema has.
    if let Some(mut column) = to.next_column()? {
        column.typed::<T>().write_batch(values, levels, repeats)?;
        column.close()?;
    }
    Ok(())
}

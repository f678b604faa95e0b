//! `dataset`: rows of files that whoever runs the script gave it.
//!
//! Only translation stands here, and what one VU may hold: the rows are the crate `data`'s.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

use std::sync::Arc;

use data::{NoRow, OnExhausted};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::wasmload::script::dataset::{Error, Host, HostDataset, HostRow};
use crate::state::VuState;
use crate::trap::Exhausted;

/// A dataset in the hands of a script.
pub struct Dataset {
    name: String,
    rows: Arc<data::Dataset>,
}

/// A row in the hands of a script.
pub struct Row(data::Row);

impl VuState {
    /// Hands a row to the script, or says why there is none.
    fn hand_out(
        &mut self,
        row: Result<data::Row, NoRow>,
        this: &Resource<Dataset>,
    ) -> Result<Result<Resource<Row>, Error>> {
        Ok(Err(match row {
            Ok(row) => {
                self.rows.take(row.size())?;
                return Ok(Ok(self.table.push(Row(row))?));
            }
            Err(NoRow::Exhausted(OnExhausted::Stop)) => {
                let name = &self.table.get(this)?.name;
                let what = format!("each row of the dataset `{name}` has been handed out");
                return Err(Exhausted(what).into());
            }
            Err(NoRow::Exhausted(_)) => Error::Exhausted,
            Err(NoRow::NoSuchRow) => Error::NoSuchRow,
            Err(why @ (NoRow::Changed(_) | NoRow::Unreadable(_))) => {
                Error::Unreadable(why.to_string())
            }
        }))
    }
}

impl Host for VuState {}

impl HostDataset for VuState {
    fn open(&mut self, name: String) -> Result<Result<Resource<Dataset>, Error>> {
        Ok(match self.user.datasets.get(&name) {
            Ok(rows) => Ok(self.table.push(Dataset { name, rows })?),
            Err(why) => Err(Error::NotDeclared(why.to_string())),
        })
    }

    fn len(&mut self, this: Resource<Dataset>) -> Result<u32> {
        Ok(self.table.get(&this)?.rows.len())
    }

    fn next(&mut self, this: Resource<Dataset>) -> Result<Result<Resource<Row>, Error>> {
        let row = self.table.get(&this)?.rows.next(self.user.identity.vu);
        self.hand_out(row, &this)
    }

    fn row(
        &mut self,
        this: Resource<Dataset>,
        number: u32,
    ) -> Result<Result<Resource<Row>, Error>> {
        let row = self.table.get(&this)?.rows.row(number);
        self.hand_out(row, &this)
    }

    fn drop(&mut self, this: Resource<Dataset>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostRow for VuState {
    fn number(&mut self, this: Resource<Row>) -> Result<u32> {
        Ok(self.table.get(&this)?.0.number())
    }

    fn get(&mut self, this: Resource<Row>, field: String) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.0.get(&field)?)
    }

    fn json(&mut self, this: Resource<Row>) -> Result<String> {
        Ok(self.table.get(&this)?.0.json())
    }

    fn drop(&mut self, this: Resource<Row>) -> Result<()> {
        let Row(row) = self.table.delete(this)?;
        self.rows.give_back(row.size());
        Ok(())
    }
}

package wasmload

import (
	"encoding/json"
	"fmt"

	contract "wasmload/internal/bindings/wasmload_script_dataset"
	wit "wasmload/internal/wit/types"
)

// Dataset is rows that the engine hands out, as the run's options say.
type Dataset struct{ raw *contract.Dataset }

// Row is a row of a dataset.
type Row struct{ raw *contract.Row }

// OpenDataset is the dataset of this name.
func OpenDataset(name string) (*Dataset, error) {
	result := contract.DatasetOpen(name)
	if result.IsErr() {
		return nil, datasetError(result.Err())
	}
	return &Dataset{tracked(result.Ok())}, nil
}

// Keep has it live as long as the user, and gives it back.
func (d *Dataset) Keep() *Dataset {
	kept(d.raw)
	return d
}

// Len is how many rows it has.
func (d *Dataset) Len() int { return int(d.raw.Len()) }

// Next is the next row, in the order of the options.
func (d *Dataset) Next() (*Row, error) { return row(d.raw.Next()) }

// Row is the row of this number, from 0.
func (d *Dataset) Row(number uint32) (*Row, error) { return row(d.raw.Row(number)) }

func row(result wit.Result[*contract.Row, contract.Error]) (*Row, error) {
	if result.IsErr() {
		return nil, datasetError(result.Err())
	}
	return &Row{tracked(result.Ok())}, nil
}

// Keep has it live as long as the user, and gives it back.
func (r *Row) Keep() *Row {
	kept(r.raw)
	return r
}

// Number is its number in the dataset, from 0.
func (r *Row) Number() int { return int(r.raw.Number()) }

// Field is a field of it, by its name; and whether it has one.
func (r *Row) Field(name string) (string, bool) { return found(r.raw.Get(name)) }

// JSON is the whole row as JSON text: a JSON Lines row as it stands in the file, a CSV row as an object of texts.
func (r *Row) JSON() string { return r.raw.Json() }

// Decode fills a value with the whole row. Of a CSV row all fields are texts.
func (r *Row) Decode(value any) error {
	if err := json.Unmarshal([]byte(r.JSON()), value); err != nil {
		return fmt.Errorf("row %d does not fit: %w", r.Number(), err)
	}
	return nil
}

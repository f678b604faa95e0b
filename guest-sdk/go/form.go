package wasmload

import (
	"net/url"
	"strings"
)

// URL is a URL with these names and values, by turns, as its query, after the one it has; all are encoded.
func URL(base string, query ...string) string {
	encoded := form(query)
	if encoded == "" {
		return base
	}
	base, fragment, hasFragment := strings.Cut(base, "#")
	_, before, hasQuery := strings.Cut(base, "?")
	switch {
	case !hasQuery:
		base += "?"
	case before != "":
		base += "&"
	}
	base += encoded
	if hasFragment {
		base += "#" + fragment
	}
	return base
}

// form is application/x-www-form-urlencoded.
func form(fields []string) string {
	if len(fields)%2 != 0 {
		panic("names and values come by turns, and the last name has no value")
	}
	var encoded strings.Builder
	for place := 0; place < len(fields); place += 2 {
		if place > 0 {
			encoded.WriteByte('&')
		}
		encoded.WriteString(url.QueryEscape(fields[place]) + "=" + url.QueryEscape(fields[place+1]))
	}
	return encoded.String()
}

// boundary stands between parts. No file is likely to have it in it.
const boundary = "----wasmload-7e1b9f0c4d2a4c8db6f35a90"

// Multipart is a form with files: multipart/form-data (RFC 7578).
type Multipart struct{ whole *Upload }

// NewMultipart is a form without fields.
func NewMultipart() *Multipart { return &Multipart{NewUpload()} }

// Text adds a field of text.
func (m *Multipart) Text(name, value string) *Multipart {
	m.head(`name="`+quoted(name)+`"`, "")
	m.whole.Bytes([]byte(value + "\r\n"))
	return m
}

// File adds a file, with its name and its media type, such as image/png.
func (m *Multipart) File(name, fileName, mediaType string, content []byte) *Multipart {
	return m.Upload(name, fileName, mediaType, NewUpload().Bytes(content))
}

// Upload adds a file that the engine makes as it sends it, with its name and its media type.
func (m *Multipart) Upload(name, fileName, mediaType string, upload *Upload) *Multipart {
	m.head(`name="`+quoted(name)+`"; filename="`+quoted(fileName)+`"`, mediaType)
	m.whole.Upload(upload).Bytes([]byte("\r\n"))
	return m
}

func (m *Multipart) head(names, mediaType string) {
	head := "--" + boundary + "\r\ncontent-disposition: form-data; " + names + "\r\n"
	if mediaType != "" {
		head += "content-type: " + quoted(mediaType) + "\r\n"
	}
	m.whole.Bytes([]byte(head + "\r\n"))
}

// finished is the form as a body; it can be had again.
func (m *Multipart) finished() *Upload {
	return NewUpload().Upload(m.whole).Bytes([]byte("--" + boundary + "--\r\n"))
}

// quoted is a name between quotes, as the HTML Standard writes it: what would end it is encoded.
func quoted(name string) string {
	return strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

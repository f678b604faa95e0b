/* Forms with files: `multipart/form-data`. */
#include "wasmload_internal.h"

#include <string.h>

/* What stands between parts. No file is likely to have it in it. */
#define BOUNDARY "----wasmload-7e1b9f0c4d2a4c8db6f35a90"

struct wl_multipart {
    wl_upload *parts;
};

static void add(wl_multipart *form, const char *text)
{
    wl_bytes bytes = { (const uint8_t *)text, strlen(text) };
    wl_upload_bytes(form->parts, bytes);
}

/* A name between quotes, as the HTML Standard writes it: what would end it is encoded. */
static const char *quoted(const char *name)
{
    char *made = wl__new(3 * strlen(name) + 1, NULL), *to = made;
    for (; *name != '\0'; name++) {
        const char *encoded = *name == '"' ? "%22" : *name == '\r' ? "%0D" : *name == '\n' ? "%0A" : NULL;
        if (encoded == NULL) {
            *to++ = *name;
        } else {
            memcpy(to, encoded, 3);
            to += 3;
        }
    }
    return made;
}

wl_multipart *wl_multipart_new(void)
{
    wl_multipart *form = wl__new(sizeof *form, NULL);
    form->parts = wl_upload_new();
    return form;
}

void wl_part(wl_multipart *form, const char *name, const char *value)
{
    add(form, wl_format("--" BOUNDARY "\r\ncontent-disposition: form-data; name=\"%s\"\r\n\r\n", quoted(name)));
    add(form, value);
    add(form, "\r\n");
}

void wl_part_file(wl_multipart *form, const char *name, const char *file_name, const char *media_type,
                  const wl_upload *content)
{
    add(form, wl_format("--" BOUNDARY "\r\ncontent-disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
                        "content-type: %s\r\n\r\n",
                        quoted(name), quoted(file_name), quoted(media_type)));
    wl_upload_upload(form->parts, content);
    add(form, "\r\n");
}

void wl_body_multipart(wl_request *request, wl_multipart *form)
{
    add(form, "--" BOUNDARY "--\r\n");
    wl_header(request, "content-type", "multipart/form-data; boundary=" BOUNDARY);
    wl_body_upload(request, form->parts);
}

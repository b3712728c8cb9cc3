/* The tables of CSV in one zip (report_csv_zip). */
#include <fcntl.h>
#include <minizip/zip.h>
#include <stdlib.h>
#include <time.h>

#include "core/file.h"
#include "report/report.h"

#define NAMES_ARE_UTF8 (1 << 11) /* general purpose bit 11 of PKWARE's APPNOTE.TXT, 4.4.4 */
#define MADE_BY 20               /* version 2.0 of the format, 4.4.2 */

/* What a file in it is said to be of: when the report was made, in UTC. */
static void set_time(zip_fileinfo *info, time_us t)
{
	time_t seconds = (time_t)(t / US_PER_SECOND);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	info->tmz_date.tm_sec = (uInt)tm.tm_sec;
	info->tmz_date.tm_min = (uInt)tm.tm_min;
	info->tmz_date.tm_hour = (uInt)tm.tm_hour;
	info->tmz_date.tm_mday = (uInt)tm.tm_mday;
	info->tmz_date.tm_mon = (uInt)tm.tm_mon;
	info->tmz_date.tm_year = (uInt)tm.tm_year + 1900;
}

static int add_bytes(zipFile zip, const struct report *r, const char *name, const char *bytes, size_t len)
{
	zip_fileinfo info = { .dosDate = 0 };
	int status;

	set_time(&info, r->made_at);
	if (zipOpenNewFileInZip4(zip, name, &info, NULL, 0, NULL, 0, NULL, Z_DEFLATED, Z_DEFAULT_COMPRESSION, 0, -MAX_WBITS,
	                         DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, NULL, 0, MADE_BY, NAMES_ARE_UTF8) != ZIP_OK)
		return -1;
	/* It counts in unsigned int. */
	for (status = ZIP_OK; status == ZIP_OK && len > 0;) {
		unsigned part = len > 1 << 20 ? 1 << 20 : (unsigned)len;

		status = zipWriteInFileInZip(zip, bytes, part);
		bytes += part;
		len -= part;
	}
	return zipCloseFileInZip(zip) == ZIP_OK && status == ZIP_OK ? 0 : -1;
}

static int add_table(zipFile zip, const struct report *r, const struct csv_table *table)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);
	int status;

	if (out == NULL)
		return -1;
	status = table->render(r, out);
	if (fclose(out) != 0)
		status = -1;
	if (status == 0)
		status = add_bytes(zip, r, table->name, bytes, len);
	free(bytes);
	return status;
}

static int fill(const char *name, const struct report *r)
{
	zipFile zip = zipOpen(name, APPEND_STATUS_CREATE);
	int status = zip == NULL ? -1 : 0;

	for (size_t i = 0; i < csv_table_count && status == 0; i++)
		status = add_table(zip, r, &csv_tables[i]);
	if (zip != NULL && zipClose(zip, NULL) != ZIP_OK)
		status = -1;
	return status;
}

int report_csv_zip(const struct report *r, const char *name, struct error *err)
{
	struct file_draft draft;

	if (file_draft_begin(&draft, AT_FDCWD, name, err) == -1)
		return -1;
	/* Opened by its name, it is the file that the draft has open. */
	if (fill(draft.temporary, r) == -1) {
		file_draft_drop(&draft);
		return error_set(err, "cannot write %s: the disk is full, or memory ran out", name);
	}
	return file_draft_commit(&draft, REPORT_FILE_MODE, err);
}

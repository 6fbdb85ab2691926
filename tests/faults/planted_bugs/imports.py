"""Bugs in what reads key files, and in what brings them into the pool."""

from tests.faults.planted_bugs.bug import PlantedBug

SLICES = "tests/integration/inventory/test_import_slices.py"
WISHES = "tests/integration/inventory/test_import_wishes.py"
STOPS = "tests/integration/inventory/test_import_stops.py"
LEAVINGS = "tests/integration/inventory/test_import_leavings.py"
REJECTED = "tests/integration/inventory/test_rejected_lines.py"
FORMATS = "tests/integration/catalog/test_code_formats.py"
VAULT = "tests/unit/vault/test_vault.py"
BYTES = "tests/unit/inventory/test_encodings_and_lines.py"
HEADERS = "tests/unit/inventory/test_headers.py"
QUOTES = "tests/unit/inventory/test_quotes.py"
BOOKS = "tests/unit/inventory/test_workbooks.py"
RULES = "tests/unit/inventory/test_import_rules.py"

MODEL = "inventory/model"
FILES = f"{MODEL}/key_file"
IMPORTING = "inventory/service/importing"
LATE = f"{STOPS}::test_keys_that_come_in_behind_the_end_of_their_import_are_counted_held_and_followed"
KILLED = f"{SLICES}::test_a_kill_at_any_write_of_any_chunk_changes_nothing_about_the_end"

BUGS = (
    # every key once, wherever an import was cut
    PlantedBug(
        "takes its own key, stored before a kill, for a duplicate",
        f"{IMPORTING}/chunks.py",
        "return None if standing.line == candidate.key.line else Reason.DUPLICATE_IN_FILE",
        "return Reason.DUPLICATE_IN_FILE",
        KILLED,
    ),
    PlantedBug(
        "takes a key of another batch for its own",
        f"{IMPORTING}/chunks.py",
        "if standing.batch_id != self.intake.batch.batch_id:",
        "if standing.line != candidate.key.line:",
        f"{SLICES}::test_the_same_file_in_two_batches_at_once_slice_by_slice_brings_each_key_once",
    ),
    PlantedBug(
        "counts a code that is twice in a chunk as two keys",
        f"{IMPORTING}/chunks.py",
        "reason = reason or Reason.DUPLICATE_IN_FILE",
        "pass",
        f"{SLICES}::test_a_text_in_many_slices_ends_as_it_does_in_one",
    ),
    PlantedBug(
        "believes a look that missed a key",
        "inventory/store/keys.py",
        "return self._table.put_first(key, KeyItem.key_id.does_not_exist())",
        "return self._table.put_first(key, KeyItem.key_id.does_not_exist() | KeyItem.key_id.exists())",
        f"{LEAVINGS}::test_a_look_that_misses_what_is_in_is_put_right_by_the_write",
    ),
    PlantedBug(
        "goes on one line behind the place it was broken off at",
        f"{IMPORTING}/runs.py",
        "position=last.end,",
        "position=last.end + 1,",
        f"{SLICES}::test_a_text_in_many_slices_ends_as_it_does_in_one",
    ),
    PlantedBug(
        "lets a run that is behind put another one back",
        "inventory/store/imports.py",
        "unchanged = ImportItem.version == progress.version - 1",
        "unchanged = ImportItem.key_id.exists()",
        f"{SLICES}::test_a_place_of_an_import_is_replaced_only_by_its_next",
    ),
    PlantedBug(
        "takes another file for the rest of the one it began",
        f"{IMPORTING}/beginning.py",
        "if batch.file_mark not in {None, mark}:",
        "if batch.is_settled and batch.file_mark not in {None, mark}:",
        f"{SLICES}::test_the_same_file_uploaded_anew_goes_on_where_the_first_was_broken_off",
    ),
    PlantedBug(
        "asks more of the second half of a file than of the first",
        f"{IMPORTING}/runs.py",
        "verdicts = read_rows(found, rules(self.progress.asked, survey.layout",
        "asked = replace(self.progress.asked, code_format=self.intake.sku.code_format)\n"
        "        verdicts = read_rows(found, rules(asked, survey.layout",
        f"{WISHES}::test_what_a_sku_asked_when_the_import_began_holds_to_its_end",
    ),
    PlantedBug(
        "fills a batch that is void",
        f"{IMPORTING}/runs.py",
        "is_stopped=batch.standing.is_final)",
        "is_stopped=batch.standing.is_final and until_ms is None)",
        f"{WISHES}::test_an_import_whose_batch_is_void_stops_at_the_next_chunk_and_counts_what_is_in",
    ),
    PlantedBug(
        "writes what it knows to be in",
        f"{IMPORTING}/chunks.py",
        "KNOWN_THAT_MATTER = 0.1",
        "KNOWN_THAT_MATTER = 1.1",
        f"{LEAVINGS}::test_a_file_that_is_in_already_is_looked_for_and_not_written",
    ),
    PlantedBug(
        "looks for every key before it writes it",
        f"{IMPORTING}/chunks.py",
        "KNOWN_THAT_MATTER = 0.1",
        "KNOWN_THAT_MATTER = 0",
        f"{LEAVINGS}::test_a_fresh_file_is_hardly_looked_for",
    ),
    PlantedBug(
        "reads on in a file that was replaced",
        "inventory/providers/s3.py",
        'Range=f"bytes={start}-{end}", IfMatch=self.version',
        'Range=f"bytes={start}-{end}"',
        f"{REJECTED}::test_an_upload_that_was_replaced_is_not_read_on_and_not_removed",
    ),
    PlantedBug(
        "removes whatever lies in the place of what it read",
        "inventory/providers/s3.py",
        "self.client.delete_object(Bucket=self.bucket, Key=self.name, IfMatch=self.version)",
        "self.client.delete_object(Bucket=self.bucket, Key=self.name)",
        f"{REJECTED}::test_an_upload_that_was_replaced_is_not_read_on_and_not_removed",
    ),
    PlantedBug(
        "names a file by a digest that anybody can compute",
        f"{IMPORTING}/beginning.py",
        'return self.names.key_id(f"file:{batch_id}", name, case_sensitive=True)',
        "return name",
        f"{SLICES}::test_no_table_holds_a_digest_by_which_a_short_code_could_be_found_by_trying",
    ),
    # what the batch and its SKU ask for
    PlantedBug(
        "folds case where it tells codes apart",
        "vault/model.py",
        "if not case_sensitive:",
        "if code:",
        VAULT,
    ),
    PlantedBug(
        "lets another SKU of an issuer have another rule of case",
        "catalog/service.py",
        "if self.store.add_issuer(wanted).case_sensitive != sku.case_sensitive:",
        "if self.store.add_issuer(wanted).case_sensitive is None:",
        f"{FORMATS}::test_the_first_sku_of_an_issuer_fixes_whether_case_matters_for_all_others",
    ),
    PlantedBug(
        "takes a code of which a part is of the pattern",
        "platform/patterns.py",
        "compiled.fullmatch(text.encode())",
        "compiled.search(text.encode())",
        f"{RULES}::test_the_whole_code_must_be_of_the_pattern",
    ),
    PlantedBug(
        "sells a code in our name that nobody can redeem",
        f"{FILES}/keys.py",
        "if rules.asked.own_issuer and not codes.check(code):",
        "if rules.asked.own_issuer and not code:",
        f"{RULES}::test_where_the_issuer_is_ours_a_code_that_we_cannot_have_made_is_rejected_with_its_line_and_mask",
    ),
    PlantedBug(
        "takes codes of ours for those of anybody",
        f"{IMPORTING}/beginning.py",
        "own_issuer=sku.issuer == OWN_ISSUER,",
        "own_issuer=False,",
        "tests/integration/inventory/test_own_codes.py"
        "::test_a_file_brings_back_codes_of_our_own_and_none_that_nobody_could_redeem",
    ),
    PlantedBug(
        "takes a key of another face value",
        f"{FILES}/keys.py",
        "if named != wanted:",
        "if named.currency != wanted.currency:",
        f"{RULES}::test_a_line_of_another_face_value_is_rejected",
    ),
    PlantedBug(
        "forgets the day that is said for the whole batch",
        f"{FILES}/keys.py",
        "_iso_day(text) if text else asked.expires_on",
        "_iso_day(text) if text else None",
        f"{RULES}::test_a_line_without_a_day_has_that_of_its_batch",
    ),
    PlantedBug(
        "puts every key on sale with the first stage",
        f"{MODEL}/imports.py",
        "return Group(batch.group(expires_on, self.precision, number), shards)",
        "return Group(batch.group(expires_on, self.precision, 1), shards)",
        f"{WISHES}::test_keys_go_on_sale_with_the_stage_of_their_number_in_the_file",
    ),
    PlantedBug(
        "makes one sale of a secret that is sold often",
        f"{IMPORTING}/chunks.py",
        "for slot in range(2, self.intake.batch.sales_per_key + 1):",
        "for slot in range(2, 2):",
        f"{WISHES}::test_each_secret_of_a_loop_batch_is_as_many_keys_as_it_is_sold",
    ),
    # nothing is guessed
    PlantedBug(
        "judges the encoding of a file by its beginning",
        f"{FILES}/encodings.py",
        "self._readings = [reading for reading in self._readings if reading.goes_on(block)]",
        "if self._seen < 10_000:\n"
        "            self._readings = [reading for reading in self._readings if reading.goes_on(block)]",
        f"{BYTES}::test_a_character_that_comes_late_is_judged_as_well",
    ),
    PlantedBug(
        "keeps a line that never ends",
        f"{FILES}/lines.py",
        "rest = rest[:MAX_LINE_BYTES]",
        "pass",
        f"{BYTES}::test_a_line_that_never_ends_is_not_kept_and_the_lines_behind_it_are_right",
    ),
    PlantedBug(
        "sells the names of the columns, where they come again",
        f"{FILES}/keys.py",
        "if repeats_header(cells, columns):",
        "if not columns:",
        f"{HEADERS}::test_a_header_that_comes_again_is_no_key",
    ),
    PlantedBug(
        "drops what stands under no name",
        f"{FILES}/keys.py",
        " or _has_password_elsewhere(row, layout)",
        "",
        f"{HEADERS}::test_what_stands_under_no_name_may_be_the_password_and_is_not_dropped",
    ),
    PlantedBug(
        "drops what stands under a name that nobody knows",
        f"{FILES}/rows.py",
        "if layout.columns.code in filled and not set(layout.columns.unknown).isdisjoint(filled):",
        "if not layout.columns.count:",
        f"{HEADERS}::test_a_filled_column_that_may_be_a_secret_refuses_the_file",
    ),
    PlantedBug(
        "takes a code and the password that is joined to it for one code",
        f"{FILES}/keys.py",
        "if _may_be_joined(code, row, rules.layout):",
        "if not code:",
        f"{HEADERS}::test_a_line_with_another_separator_than_its_header_is_refused",
    ),
    PlantedBug(
        "reads on where a second header gives the columns another meaning",
        f"{FILES}/rows.py",
        "if columns is not None and not columns.agrees_with(layout.columns):",
        "if columns is not None and columns.code < 0:",
        f"{HEADERS}::test_a_header_that_comes_late_and_says_otherwise_refuses_the_file",
    ),
    PlantedBug(
        "takes the lines away that it looked at for the end of a quote",
        f"{FILES}/rows.py",
        "return self._seen.popleft() if self._seen else next(self._lines)",
        "return next(self._lines)",
        f"{QUOTES}::test_a_quote_that_never_closes_costs_its_own_line_and_no_other",
    ),
    PlantedBug(
        "sells the quotes around a password",
        f"{FILES}/rows.py",
        "if cells is None or any(map(_QUOTE_BEHIND_BLANKS.match, cells)):",
        "if cells is None:",
        f"{QUOTES}::test_a_quote_with_a_blank_around_it_would_have_to_be_guessed",
    ),
    PlantedBug(
        "looks for the end of a quote through the whole file",
        f"{FILES}/rows.py",
        "if line.too_long or len(self.lines) == MAX_ROW_LINES or",
        "if line.too_long or",
        f"{QUOTES}::test_no_more_of_a_file_is_kept_than_a_row_may_have",
    ),
    PlantedBug(
        "takes a number that Excel has rounded",
        f"{FILES}/sheets.py",
        "MAX_DIGITS = 15",
        "MAX_DIGITS = 17",
        BOOKS,
    ),
    PlantedBug(
        "takes a formula for what it shows",
        f"{FILES}/sheets.py",
        'return Reason.FORMULA if kind == "f" else Reason.CELL_NOT_TEXT',
        'return str(value).lstrip("=") if kind == "f" else Reason.CELL_NOT_TEXT',
        BOOKS,
    ),
    PlantedBug(
        "drops the zeros that a number is shown with",
        f"{FILES}/sheets.py",
        "return _padded(text, shown)",
        "return text",
        BOOKS,
    ),
    PlantedBug(
        "believes what a sheet says of its own size",
        f"{IMPORTING}/workbooks.py",
        "sheet.reset_dimensions()  #",
        "pass  #",
        BOOKS,
    ),
    PlantedBug(
        "unpacks whatever is packed",
        f"{IMPORTING}/workbooks.py",
        "sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES",
        "not parts",
        BOOKS,
    ),
    PlantedBug(
        "follows entities that grow without end",
        f"{IMPORTING}/workbooks.py",
        'if b"\\0" in block or _ENTITIES.search(text):',
        'if b"\\0" in block:',
        BOOKS,
    ),
    # what was not taken
    PlantedBug(
        "keeps a duplicate in the clear, whose code is in stock",
        f"{MODEL}/rejected_lines.py",
        'text = "" if verdict.is_duplicate else verdict.row.written',
        "text = verdict.row.written",
        f"{RULES}::test_a_rejected_line_is_kept_as_it_was_and_a_duplicate_only_by_its_mask",
    ),
    PlantedBug(
        "leaves rejected lines in the bucket as they are",
        "inventory/service/rejected_lines.py",
        "self.files.put(name, seal_file(self.names.file_key(batch_id), name, content))",
        "self.files.put(name, content)",
        f"{LEAVINGS}::test_rejected_lines_lie_in_no_bucket_in_the_clear",
    ),
    PlantedBug(
        "lets Excel run what was rejected as a formula",
        f"{MODEL}/rejected_lines.py",
        "if text.startswith(_RUNS_IN_EXCEL):",
        "if not text:",
        f"{RULES}::test_what_excel_would_run_gets_an_apostrophe_in_front",
    ),
    PlantedBug(
        "loses the rejected lines of the slices before a kill",
        f"{IMPORTING}/runs.py",
        "rejected_parts=before.rejected_parts + bool(content),",
        "rejected_parts=int(bool(content)),",
        f"{LEAVINGS}::test_what_was_not_taken_is_kept_in_one_file_whatever_the_slices_were",
    ),
    PlantedBug(
        "calls a file of rejected lines complete that was cut",
        "inventory/service/rejected_lines.py",
        "complete = not done.rejected_full and None not in parts",
        "complete = None not in parts",
        f"{LEAVINGS}::test_a_file_of_rejected_lines_that_is_full_says_that_there_were_more",
    ),
    # an end before that of the file
    PlantedBug(
        "stores on behind the place where an import was stopped",
        f"{IMPORTING}/runs.py",
        "return not is_stopped",
        "return True",
        f"{STOPS}::test_a_run_that_slept_through_the_end_of_its_import_stores_nothing_behind_it",
    ),
    PlantedBug(
        "tells no other run where an import was stopped",
        f"{IMPORTING}/runs.py",
        "self.imports.advance(done)",
        "self.imports.advance(replace(done, problem=None))",
        f"{STOPS}::test_an_import_that_was_killed_at_its_end_ends_in_the_same_place",
    ),
    PlantedBug(
        "leaves keys uncounted that came in behind the end of their import",
        f"{IMPORTING}/runs.py",
        "if standing.problem and standing.report.accepted < done.report.accepted:",
        "if not standing:",
        LATE,
    ),
    PlantedBug(
        "holds no batch again that got keys behind its end",
        f"{IMPORTING}/ending.py",
        "batches.change(recounted, self._listing(held, recounted))",
        "batches.change(recounted)",
        LATE,
    ),
    PlantedBug(
        "lets keys that came in late go without following",
        f"{IMPORTING}/ending.py",
        "generation=batch.generation + 1,",
        "generation=batch.generation,",
        LATE,
    ),
    PlantedBug(
        "looks for keys only where some were counted",
        f"{IMPORTING}/ending.py",
        "if done.problem:",
        "if not done:",
        f"{STOPS}::test_keys_of_a_chunk_that_was_broken_off_follow_though_nobody_counted_them",
    ),
    PlantedBug(
        "waits for a file that is gone for ever",
        f"{IMPORTING}/slices.py",
        "if progress.object_name != object_name:",
        "if progress.object_name:",
        f"{STOPS}::test_a_batch_that_is_stopped_ends_without_its_file",
    ),
    PlantedBug(
        "ends an import since another file of its batch is gone",
        f"{IMPORTING}/slices.py",
        "if progress.object_name != object_name:",
        "if not progress.object_name:",
        f"{STOPS}::test_a_file_of_another_name_that_is_gone_ends_nothing",
    ),
    PlantedBug(
        "calls nobody when an import is stopped",
        f"{MODEL}/batches.py",
        "if new.status is not BatchStatus.IMPORTING or not new.standing.is_final:",
        "if new.status is not BatchStatus.IMPORTED or not new.standing.is_final:",
        "tests/integration/test_batch_functions.py"
        "::test_a_batch_that_is_stopped_while_it_is_imported_calls_for_its_importer_once",
    ),
    PlantedBug(
        "takes a file that may not be read for one that is gone",
        "inventory/providers/s3.py",
        "if _code(error) in _GONE:",
        "if _code(error) in _MISSING:",
        f"{REJECTED}::test_a_file_that_may_not_be_read_is_not_taken_for_one_that_is_gone",
    ),
    PlantedBug(
        "counts the codes of a batch before it has ended",
        "inventory/service/generating.py",
        "return self._settle(batch, self.counts.generated(batch_id), origin)",
        "return self._settle(batch, made, origin)",
        "tests/integration/inventory/test_own_codes.py"
        "::test_a_batch_that_ends_while_two_slices_make_codes_counts_those_of_both",
    ),
)

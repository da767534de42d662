/**
 * Entries for other systems: as they stand (CloudEvents), flat (ndjson), or as OCSF events; those of one run,
 * repository, role or time only. Reads entries and writes lines; opens nothing.
 */
export { createExporter, type ExportFilter, type ExportFormat } from './exporter.ts'

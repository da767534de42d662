import { readSuites } from './suites.ts'
import { printTable } from './table.ts'

/**
 * `npm run clients [-- SUITE ...]`: real clients, unmodified, in a step, against real servers; a table, or with `--json` one
 * object. Fails if a row does; one that cannot run here is a row that says so.
 */
await printTable(await readSuites())

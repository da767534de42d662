import { readSuites } from '../clients/suites.ts'
import { printTable } from '../clients/table.ts'

/**
 * `npm run clients:deploy [-- SUITE ...]`: the tools that pipelines deploy with, unmodified, in a step, against real servers; as
 * `npm run clients`.
 */
await printTable(await readSuites(new URL('./rows/', import.meta.url)))

import type { Data, Tellers } from './story-entry.ts'
import { text } from './story-text.ts'

/** Packages that came and went, and registries that changed their word, as it is told. */
export const packageTellers: Tellers = {
  'packages.downloaded': (data) => downloaded(data),
  'packages.published': (data) =>
    ((data['packages'] ?? []) as Data[]).map(
      (one) =>
        `${one['staged'] === undefined ? 'PUBLISHED' : 'STAGED'} ${text(one['purl'])}${one['tag'] === undefined ? '' : ` as ${text(one['tag'])}`} to ${text(data['connection'])}, which took it (${text(one['status'])}), ${text(one['integrity']).slice(0, 23)}…`,
    ),
  'package.changed': (data) => [
    `PACKAGE CHANGED: ${text(data['purl'])} of ${text(data['registry'])} was ${digestIn(data['was'])} and is now ${digestIn(data['now'])}; nobody gets it`,
  ],
  'provenance.downgraded': (data) => [
    `PROVENANCE DOWNGRADED: ${text(data['purl'])} of ${text(data['registry'])} (${text(data['why'])})${repositoryIn(' was of', data['was'])}${repositoryIn(' is of', data['now'])}; it was not given`,
  ],
  'sumdb.contradicted': (data) => [
    `CHECKSUM DATABASE ${text(data['database'])} CONTRADICTS ITSELF, as connection ${text(data['connection'])} has it: it signed two trees (${sizeIn(data['was'])} and ${sizeIn(data['now'])} records) of which neither is a beginning of the other`,
  ],
}

/** The first of them by name: an entry may have hundreds, and `--json` shows them all. */
function downloaded(data: Data): string[] {
  const files = (data['packages'] ?? []) as { purl: string; by: string }[]
  const named = files.slice(0, 3).map(({ purl }) => purl)
  const more = files.length > 3 ? ` and ${files.length - 3} more` : ''
  const by = [...new Set(files.map((one) => one.by))].join(', ')
  return [`downloaded ${named.join(', ')}${more} from ${text(data['connection'])}, digests held by ${by}`]
}

function repositoryIn(lead: string, value: unknown): string {
  return value === undefined ? '' : `,${lead} ${text((value as Data)['repository'])}`
}

function sizeIn(value: unknown): string {
  return text((value as Data)['size'])
}

function digestIn(value: unknown): string {
  return `${text((value as Data)['digest']).slice(0, 23)}…`
}

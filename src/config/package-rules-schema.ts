import { z } from 'zod'

const pattern = z.string().min(1).max(256)

const packagePattern = z
  .string()
  .max(512)
  .regex(
    /^pkg:[a-z]+\/[^\s?#]+$/,
    'a package URL, `*` for any run of characters: pkg:npm/@octo/*, pkg:npm/event-stream@3.3.6',
  )

const units = { h: 3_600_000, d: 86_400_000 }

/** Milliseconds of an age such as `3d` or `12h`. */
export function ageMs(text: string): number {
  return Number(text.slice(0, -1)) * units[text.endsWith('d') ? 'd' : 'h']
}

/** What a connection to a registry that keeps attestations may say of them. */
export const provenanceRules = {
  provenance: z
    .enum(['off', 'record', 'no-downgrade', 'require'])
    .optional()
    .describe(
      'What is asked of a file’s provenance, the registry’s attestation of which build made it. `record`: it is looked at and stands in the record. `no-downgrade`: a version that was published after one with provenance needs it, too, and from the same repository. `require`: every version needs it. Without it `off`: nobody asks for it.',
    ),
  trusted_root: z
    .string()
    .max(1_000)
    .regex(/^\//, 'the absolute path of a file on the server’s machine')
    .optional()
    .describe(
      'Who may say which build signed: a trusted root of Sigstore in JSON, or one on each line (`gh attestation trusted-root`), read again every hour. With it attestations are verified; without it they are the registry’s word.',
    ),
  provenance_may_change: z
    .array(packagePattern)
    .max(500)
    .optional()
    .describe(
      'Packages whose provenance may be missing, or of another repository than before: `pkg:npm/octo@2.0.0` for one version, which is the known one from then on.',
    ),
}

/** What a connection to a registry of packages may say of them. */
export const packageRules = {
  only: z
    .array(pattern)
    .min(1)
    .max(500)
    .optional()
    .describe(
      'The names of packages that this registry serves, and no other registry of their kind does: `["@octo/*"]`. So nobody can publish a private name elsewhere and have it installed.',
    ),
  blocked: z
    .array(packagePattern)
    .max(5_000)
    .optional()
    .describe(
      'Packages that nobody gets, as package URLs: `pkg:npm/event-stream@3.3.6`, `pkg:npm/@evil/*`. Without a version all versions are meant.',
    ),
  osv: z
    .string()
    .max(1_000)
    .regex(/^\//, 'the absolute path of a folder on the server’s machine')
    .optional()
    .describe(
      'A folder of reports in OSV format (`.json`, folders below it too), such as a clone of ossf/malicious-packages: versions that a report with an id `MAL-...` names are refused.',
    ),
  minimum_age: z
    .string()
    .regex(/^[1-9][0-9]{0,3}[dh]$/, 'an age such as 3d or 12h')
    .optional()
    .describe(
      'Versions that were published later than so long ago are refused: most malicious ones are found within days. When it was published the registry says, or `Last-Modified` of the file; where neither does, it is refused.',
    ),
  may_change: z
    .array(packagePattern)
    .max(500)
    .optional()
    .describe(
      'Packages whose files may change after they were published (snapshots): any other file is refused when it is not what it was for the first step that had it.',
    ),
}

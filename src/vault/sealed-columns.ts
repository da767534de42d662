import type { Tables } from '../store/index.ts'

/** Where the store keeps sealed bytes, and as what each value is sealed: a key is retired once none of them names it. */
export interface SealedColumn {
  readonly table: keyof Tables
  readonly column: string
  /** The primary key. */
  readonly key: readonly string[]
  contextOf(row: Readonly<Record<string, unknown>>): string
}

export const sealedColumns: readonly SealedColumn[] = [
  {
    ...{ table: 'secrets', column: 'sealed', key: ['name', 'version'] },
    contextOf: ({ name, version }) => `secret "${String(name)}" version ${String(version)}`,
  },
  {
    ...{ table: 'secret_fingerprints', column: 'sealed', key: ['name', 'version'] },
    contextOf: ({ name, version }) => `fingerprints of secret "${String(name)}" version ${String(version)}`,
  },
  {
    ...{ table: 'people', column: 'sealed', key: ['person'] },
    contextOf: ({ person }) => `person ${String(person)}`,
  },
  {
    ...{ table: 'signing_keys', column: 'sealed', key: ['kid'] },
    contextOf: ({ kid }) => `signing key ${String(kid)}`,
  },
  {
    ...{ table: 'attest_keys', column: 'sealed', key: ['id'] },
    contextOf: ({ id }) => `attest key ${String(id)}`,
  },
  { ...{ table: 'leases', column: 'handle', key: ['id'] }, contextOf: ({ id }) => `lease ${String(id)}` },
]

/** Rows of `meta` that are sealed, in base64, by their keys. */
export const sealedMeta: Readonly<Record<string, string>> = {
  run_ca_seed: 'seed of the certificate authorities of runs',
  honey_seed: 'seed of honey credentials',
  fingerprint_seed: 'seed of fingerprints of secrets',
  asked_seed: 'seed of names of what vendors were asked',
  'vault check': 'vault check',
}

/** Bytes that are no secret, or that the ring does not seal. */
export const otherBytes: Readonly<Record<string, string>> = {
  'attestations.bundle': 'gzip of what is public by its purpose',
  'attestations.facts': 'gzip of what its statement is made of, all of which it says',
  'lockfiles.packed': 'gzip of what a step sent',
  'step_artifacts.packed': 'gzip of names, sizes and digests of files',
  'vault_keys.wrapped': 'the ring itself, wrapped by its root',
}

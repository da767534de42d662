import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { identifiers } from './decoys/identifiers.ts'
import { locksDecoys } from './decoys/locks.ts'
import { placeholders } from './decoys/placeholders.ts'
import { sealedDecoys } from './decoys/sealed.ts'
import { sourcesDecoys } from './decoys/sources.ts'
import { labelled, plain, type Form } from './forms/form.ts'
import { forms } from './forms/index.ts'
import { genericKinds } from './generic.ts'
import { partOf, type Part } from './held.ts'
import type { FileKind, Kind, Written } from './kind.ts'
import { readMarks, type Label } from './mark.ts'
import { Random } from './random.ts'
import { calls } from './structured/calls.ts'
import { connections } from './structured/connections.ts'
import { files } from './structured/files.ts'
import { keys } from './structured/keys.ts'
import { pairs } from './structured/pairs.ts'
import { clouds, data } from './vendors/clouds.ts'
import { forges, packages } from './vendors/forges.ts'
import { access, messaging, work } from './vendors/people.ts'
import { models, payments, watching } from './vendors/services.ts'
import { plainSettings } from './words.ts'

export const defaultSeed = 'mayfly-1'
const each = { vendor: 8, structured: 9, generic: 9, decoyValue: 10, decoyFile: 9 }

export const vendorKinds: readonly Kind[] = [
  ...[...forges, ...packages, ...clouds, ...data, ...watching, ...models, ...payments],
  ...[...messaging, ...work, ...access],
]

export interface LabelledFile {
  readonly path: string
  readonly part: Part
  readonly text: string
  readonly bytes: Buffer
  readonly labels: readonly Label[]
}

/** The set of a seed, the same one every time. Each file is of one part. */
export function labelledSet(seed = defaultSeed): LabelledFile[] {
  const made: LabelledFile[] = []
  const add = (kind: string, { path, text: marked, utf16 }: Written) => {
    const { text, labels } = readMarks(marked)
    const part = partOf(kind)
    const bytes = utf16 === true ? Buffer.from(`\u{feff}${text}`, 'utf16le') : Buffer.from(text)
    made.push({ path: `${part}/${String(made.length).padStart(5, '0')}/${path}`, part, text, bytes, labels })
  }
  const samples = (kind: string, count: number, make: (random: Random) => Written) => {
    for (let i = 0; i < count; i++) add(kind, make(new Random(`${seed}:${kind}:${i}`)))
  }
  for (const kind of vendorKinds)
    samples(kind.name, each.vendor, (random) => valueFile(kind, random.pick(forms), random))
  for (const kind of fileKinds) samples(kind.name, each.structured, (random) => kind.file(random, kind.name))
  for (const form of forms)
    for (const kind of genericKinds(form.name))
      samples(kind.name, each.generic, (random) => valueFile(kind, form, random))
  for (const kind of values)
    samples(kind.name, each.decoyValue, (random) => decoyFile(kind, random.pick(forms), random))
  for (const kind of decoyFiles) samples(kind.name, each.decoyFile, (random) => kind.file(random, kind.name))
  return made
}

const fileKinds: readonly FileKind[] = [...keys, ...pairs, ...connections, ...files, ...calls]
const values: readonly Kind[] = [...placeholders, ...identifiers]
const decoyFiles: readonly FileKind[] = [...locksDecoys, ...sealedDecoys, ...sourcesDecoys]

/** A secret among settings that are none, and one or two that look like one. */
function valueFile(kind: Kind, form: Form, random: Random): Written {
  const value = kind.make(random)
  const decoys = decoysOf(partOf(kind.name))
  const beside = Array.from({ length: random.between(0, 2) }, () => decoyOf(random.pick(decoys), random))
  const settings = plainSettings(random, random.between(3, 7)).map(plain)
  const entry = labelled('secret', kind.name, random.pick(kind.called), value)
  const fitting =
    value.startsWith('https:') && ['query', 'headers', 'curl'].includes(form.name) ? firstForm() : form
  const all = fitting.secretsOnly ? [entry] : [...settings, ...beside, entry]
  return fitting.write(random.some(all, all.length), random)
}

/** Four of the same kind, so that a rule that takes it for a secret is wrong four times. */
function decoyFile(kind: Kind, form: Form, random: Random): Written {
  const settings = plainSettings(random, random.between(2, 5)).map(plain)
  const called = random.some(kind.called, 4)
  const decoys = called.map((name) => labelled('decoy', kind.name, name, kind.make(random)))
  const all = form.secretsOnly ? decoys : [...settings, ...decoys]
  return form.write(random.some(all, all.length), random)
}

function decoyOf(kind: Kind, random: Random) {
  return labelled('decoy', kind.name, random.pick(kind.called), kind.make(random))
}

function decoysOf(part: Part): Kind[] {
  return values.filter(({ name }) => partOf(name) === part)
}

function firstForm(): Form {
  const [first] = forms
  if (first === undefined) throw new Error('there are no forms')
  return first
}

/** Writes the files, and beside them nothing: the labels stay with who measures. */
export function writeSet(folder: string, set: readonly LabelledFile[]): void {
  for (const { path, bytes } of set) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
}

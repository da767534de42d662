import type { Job, PipelineFile, Reference, Step, Trigger } from '../model.ts'
import type { NamedText } from './yaml-document.ts'

/** What the reader of one CI makes of a file; the rest is the same for all. */
export type FileParts = Pick<
  PipelineFile,
  'triggers' | 'environment' | 'permissions' | 'jobs' | 'references' | 'role'
>

/** A reference to a secret before it is known in which job it stands. */
export type FoundSecret = Omit<PipelineFile['secrets'][number], 'job' | 'step'>

/** Variables that the file itself gives a value. */
export interface Declared {
  has(name: string): boolean
  /** Its own name says that it is a secret, or it fills another one whose name does. */
  isSecret(name: string): boolean
  /** A script of the file sets it. */
  isSetByScript(name: string): boolean
}

/** Finds the references to secrets in one text of a file. */
export type FindSecrets = (source: string, named: NamedText, inCommand: boolean) => FoundSecret[]

export const nothing: FileParts = {
  role: 'pipeline',
  triggers: [],
  environment: [],
  jobs: [],
  references: [],
}

/** A job that has what is given, and nothing else. */
export function jobOf(parts: Pick<Job, 'id' | 'key' | 'span'> & Partial<Job>): Job {
  return {
    images: [],
    environment: [],
    identityTokens: [],
    inputs: [],
    passedSecrets: [],
    triggers: [] as Trigger[],
    needs: [],
    isTemplate: false,
    steps: [],
    ...parts,
  }
}

/** A step that has what is given, and nothing else. */
export function stepOf(parts: Pick<Step, 'span' | 'phase'> & Partial<Step>): Step {
  return { commands: [], inputs: [], environment: [], ...parts }
}

/** The key with its value, or nothing: optional keys are left out, not undefined. */
export function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value })
}

/** Everything that a file takes from elsewhere, wherever it stands in it. */
export function referencesOf(file: Pick<PipelineFile, 'jobs' | 'references'>): Reference[] {
  const all = [
    ...file.references,
    ...file.jobs.flatMap((job) => [
      ...(job.uses === undefined ? [] : [job.uses]),
      ...job.images,
      ...job.steps.flatMap(({ uses }) => (uses === undefined ? [] : [uses])),
    ]),
  ]
  const seen = new Set<string>()
  // What is reached through an alias, or inherited, is written once.
  return all.filter(({ text: { span }, kind }) => {
    const key = `${kind} ${span.start} ${span.end}`
    return !seen.has(key) && seen.add(key)
  })
}

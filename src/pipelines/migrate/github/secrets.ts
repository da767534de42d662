import type { Entry, PipelineFile, SecretReference, Step } from '../../model.ts'
import { replacementOf } from '../../replace/replace.ts'
import { within } from '../lines.ts'

/** Where in a workflow a secret is asked for. */
export type Place = 'variable' | 'input' | 'command' | 'elsewhere'

export interface Asked {
  readonly reference: SecretReference
  readonly place: Place
  /** The variable or input that has it. */
  readonly entry?: Step['environment'][number]
}

/** The secrets that a step asks for itself. */
export function askedBy(file: PipelineFile, job: string, index: number, step: Step): Asked[] {
  return file.secrets
    .filter((one) => one.job === job && one.step === index)
    .map((reference): Asked => {
      const variable = step.environment.find(({ value }) => within(reference.span, value?.span))
      if (variable !== undefined) return { reference, place: 'variable', entry: variable }
      const input = step.inputs.find(({ value }) => within(reference.span, value?.span))
      if (input !== undefined) return { reference, place: 'input', entry: input }
      return { reference, place: reference.inCommand ? 'command' : 'elsewhere' }
    })
}

/** Secrets of a variable that live on: none that the CI makes for the job, and none that is a name or a host. */
export function secretsIn(
  file: PipelineFile,
  entry: Entry,
  isOf: (reference: SecretReference) => boolean,
): SecretReference[] {
  return file.secrets.filter(
    (one) =>
      isOf(one) &&
      within(one.span, entry.value?.span) &&
      (one.store === 'all' || replacementOf(file, one) !== undefined),
  )
}

/** Variables of the job or the file that hold a secret: a step in Mayfly has none of them. */
export function ambientNames(file: PipelineFile, environment: readonly Entry[]): string[] {
  return [...file.environment, ...environment]
    .filter((one) => secretsIn(file, one, () => true).length > 0)
    .map(({ key }) => key.value)
}

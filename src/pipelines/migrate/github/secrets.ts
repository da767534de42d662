import type { PipelineFile, SecretReference, Step } from '../../model.ts'
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

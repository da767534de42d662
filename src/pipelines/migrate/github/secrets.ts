import type { Entry, PipelineFile, SecretReference, Span, Step } from '../../model.ts'
import { replacementOf } from '../../replace/replace.ts'
import { within } from '../lines.ts'

/** Where in a workflow a secret is asked for. */
export type Place = 'variable' | 'input' | 'command' | 'elsewhere'

export interface Asked {
  readonly reference: SecretReference
  readonly place: Place
  /** The variable or input that has it. */
  readonly entry?: Step['environment'][number]
  /** The expression that asks for it, where it is one whose place is known. */
  readonly expression?: Span
}

/** The secrets that a step asks for itself. */
export function askedBy(file: PipelineFile, job: string, index: number, step: Step): Asked[] {
  return file.secrets
    .filter((one) => one.job === job && one.step === index)
    .map((reference): Asked => {
      const isAround = ({ value }: Pick<Entry, 'value'>) => within(reference.span, value?.span)
      const variable = step.environment.find(isAround)
      const command = step.commands.find(({ span }) => within(reference.span, span))
      const around = (variable?.value ?? command)?.span
      const expression = around === undefined ? undefined : expressionAt(file.text, reference.span, around)
      const asked = { reference, ...(expression === undefined ? {} : { expression }) }
      if (variable !== undefined) return { ...asked, place: 'variable', entry: variable }
      const input = step.inputs.find(isAround)
      if (input !== undefined) return { ...asked, place: 'input', entry: input }
      return { ...asked, place: reference.inCommand ? 'command' : 'elsewhere' }
    })
}

/** The expression, braces and all, in which something of a text stands; undefined where the text does not have both its ends. */
export function expressionAt(text: string, at: Span, { start, end }: Span): Span | undefined {
  const open = text.lastIndexOf('${{', at.start)
  const close = text.indexOf('}}', at.end)
  const isWhole =
    open >= start &&
    close !== -1 &&
    close + 2 <= end &&
    !text.slice(open, at.start).includes('}}') &&
    !text.slice(at.end, close).includes('${{')
  return isWhole ? { start: open, end: close + 2 } : undefined
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

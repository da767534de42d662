import { escapeUnseen, messageOf, Secret } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import { textsAt } from './record/index.ts'
import type { StepDeps } from './step-request.ts'

/**
 * What a step wrote for its CI is looked at by the server before the CI has any of it: it knows the vault. From then on what was found
 * is masked wherever the job shows it. What cannot be looked at is told, as of output.
 */
export async function lookAtWritten(
  { api, redactor, notices }: Pick<StepDeps, 'api' | 'redactor' | 'notices'>,
  step: StepGrant,
  written: readonly { readonly name: string; readonly text: string | undefined }[],
): Promise<void> {
  for (const { name, text = '' } of written) {
    if (text === '') continue
    // The job's own secrets leave for nobody.
    const bytes = Buffer.from(redactor.text(text))
    try {
      const { mask, unseen } = await api.lookAtWritten(step, name, bytes)
      const found = textsAt(mask, bytes)
      redactor.add(...found.map((value) => new Secret(value, `a secret in $${name}`)))
      if (found.length > 0)
        notices.tell(
          `mayfly: $${name}: a secret was found in it: it is masked for the CI, and in the audit log`,
        )
      if (unseen !== undefined) notices.tell(escapeUnseen(`mayfly: $${name}: ${unseen}`))
    } catch (error) {
      notices.tell(`mayfly: $${name} was not looked at for secrets: ${messageOf(error)}`)
    }
  }
}

import { programsOf } from '../commands/index.ts'
import type { StepPlan } from './steps.ts'

/**
 * Why the checkout has to leave its token behind: an action, or a script that stays outside of Mayfly, may fetch or push by it. Of actions
 * that are known to go by a token of their own none is.
 */
export function needsLeftToken(steps: readonly StepPlan[], checkout: StepPlan): string | undefined {
  const one = steps.find((step) => step.index > checkout.index && mayUseGit(step))
  if (one === undefined) return undefined
  return `${one.step.uses?.name ?? 'a script that stays outside of Mayfly'} behind it may use what it leaves for \`git\``
}

/** Why a secret of the checkout has to stay: what pushes by it would fail where it did its work before. */
export function pushesForOthers(steps: readonly StepPlan[], checkout: StepPlan): string | undefined {
  const one = steps.find(
    ({ index, others, needs }) =>
      index > checkout.index &&
      others.length > 0 &&
      needs.some(({ connection, writes }) => writes && connection === 'git'),
  )
  return one === undefined
    ? undefined
    : `what pushes by it runs when ${one.others.join(' or ')} starts it, too, where no role that has a secret behind it is given, and would fail then`
}

const withoutGit =
  /^(?:docker|softprops|ncipollo|svenstaro|codecov|coverallsapp|sonarsource|slackapi|rtcamp|8398a7|ilshidur|appleboy|aws-actions|google-github-actions|azure|pypa|benc-uk)\//i

function mayUseGit({ use, step, blocked, needs, script }: StepPlan): boolean {
  if (use?.is === 'own') return !withoutGit.test(step.uses?.name ?? '')
  if (use !== undefined || blocked === undefined) return false
  return (
    needs.some(({ connection }) => connection === 'git') ||
    !programsOf(script).every((one) => gitless.test(one))
  )
}

/** Programs that ask no Git server. */
const gitless =
  /^(?:echo|printf|cat|cd|cp|mv|rm|mkdir|test|\[|\[\[|export|set|grep|sed|awk|jq|yq|curl|wget|tar|zip|unzip|ls|true|false|exit|sleep|date|chmod|sudo|apt-get|apt|docker|cosign|gpg|aws|az|kubectl)$/

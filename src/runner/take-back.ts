import { messageOf } from '../lib/index.ts'
import { ciFilesOf, handBack, maxDotenvBytes, outputVariable } from './conventions/index.ts'
import { lookAtWritten } from './look-at-written.ts'
import type { OpenStep } from './opened-step.ts'
import type { Running } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { readInside, type StepWorkspace } from './workspace/index.ts'

/** What it wrote for the steps after it goes to the CI as far as it may; the rest is told. False if a file could not be read. */
export async function takeBack(
  deps: StepDeps,
  request: StepRequest,
  { place, step }: OpenStep,
  {
    written,
    outputs,
  }: { readonly written: ReturnType<Running['written']>; readonly outputs: string | undefined },
): Promise<boolean> {
  const files = ciFilesOf(deps.job)
  await lookAtWritten(deps, step, [
    ...files.map(({ variable, inside }) => ({ name: variable, text: written.get(inside) })),
    { name: outputVariable, text: outputs },
    { name: 'DOTENV', text: dotenvIn(request, place) },
  ])
  const mask = deps.redactor.text
  const role = deps.session.roles.find(({ name }) => name === request.role)
  const startupAllowed = role?.allow.includes('startup-variables') === true
  const { refused, isWhole, set } = handBack({
    files,
    written,
    startupAllowed,
    workspaceInside: request.workspaceInside ?? request.workspace,
    mask,
  })
  const missed = [...set].flatMap(([file, taken]) => deps.stepVariables.set(request, file, taken))
  const dotenv = takeDotenv(deps, request, place, startupAllowed)
  for (const why of [...refused, ...missed, ...dotenv.refused]) deps.notices.tell(`mayfly: ${why}`)
  return isWhole && dotenv.isWhole
}

/** What cannot be read goes nowhere: whoever takes it says why. */
function dotenvIn({ dotenv: path }: StepRequest, { path: workspace }: StepWorkspace): string | undefined {
  try {
    return path === undefined ? undefined : readInside(workspace, path, maxDotenvBytes)
  } catch {
    return undefined
  }
}

/** In whatever state it left the file: the record of its end does not depend on it, but it has failed. */
function takeDotenv(
  { dotenvReports }: Pick<StepDeps, 'dotenvReports'>,
  { dotenv: path }: StepRequest,
  place: StepWorkspace,
  startupAllowed: boolean,
): { readonly refused: readonly string[]; readonly isWhole: boolean } {
  if (path === undefined) return { refused: [], isWhole: true }
  try {
    return { refused: dotenvReports.take(place, path, startupAllowed), isWhole: true }
  } catch (error) {
    return {
      refused: [`${path} could not be checked (${messageOf(error)}): let the CI not take it`],
      isWhole: false,
    }
  }
}

import { join } from 'node:path'
import { readEnvironment } from '../config/environment.ts'
import { MayflyError, systemClock } from '../lib/index.ts'
import {
  draftPolicyText,
  firstRoles,
  isIssuing,
  issuerForms,
  issuerOf,
  issuingCis,
  readCheckout,
  remoteFrom,
  saidIn,
  surveyUses,
  type Answers,
  type IssuingCi,
  type PolicyDraft,
  type RepositoryFacts,
  type Use,
} from '../pipelines/index.ts'
import { ask } from './ask.ts'
import { isTaken, writeChanges } from './checkout-files.ts'
import { exitCodes, print } from './output.ts'
import type { PlacedFinding } from './placed-finding.ts'
import { checkedAnswer, ownIssuerUrl } from './issuer-answers.ts'
import { lintFindings } from './policy-lint.ts'
import { spanSeconds } from './policy-input.ts'
import { visible } from './story.ts'

export interface InitOptions {
  readonly output: string
  readonly ci?: string
  readonly repository?: string
  readonly repositoryId?: string
  readonly ownerId?: string
  readonly issuerUrl?: string
  readonly branch?: string
  /** `false` by `--no-learn`. */
  readonly learn: string | false
  readonly yes: boolean
  readonly json: boolean
}

const maxLearnDays = 14

/** `mayfly init`: from a checkout to a first policy. It is written whole, or not at all. */
export async function initPolicy(folder: string, options: InitOptions): Promise<number> {
  // Before anything is asked: an answer that leads nowhere is none.
  if (isTaken(join(folder, options.output)))
    throw new MayflyError(
      'bad_input',
      `${options.output} is there already, and is not changed: --output names another file; what its pipelines need, mayfly pipeline migrate shows`,
    )
  const until = learningUntil(options.learn)
  const { files } = readCheckout(folder)
  const survey = surveyUses(folder)
  const found = [...new Set(files.map(({ ci }) => ci))].filter(isIssuing)
  const answers = await answersOf(options, found, survey)
  const policy = draftPolicyText(
    [issuerOf(answers)],
    firstRoles(answers, survey.uses),
    [],
    saidIn(files),
    until === undefined ? {} : { build: until },
  )
  const findings = lintFindings(policy.text, options.output)
  const wrong = findings.find(({ severity }) => severity === 'error')
  if (wrong !== undefined)
    throw new MayflyError('bad_input', `nothing is written: the policy would not hold: ${wrong.message}`)
  writeChanges(folder, [{ path: options.output, before: undefined, after: policy.text }])
  print(
    options.json,
    plain(answers, survey.uses, policy, findings, options),
    lines(
      answers,
      survey.uses,
      policy,
      findings,
      options,
      files.map(({ path }) => path),
    ).map(visible),
  )
  return exitCodes.ok
}

/** The day to which it records and lets pass. */
function learningUntil(learn: InitOptions['learn']): string | undefined {
  if (learn === false) return undefined
  const seconds = spanSeconds(learn)
  if (seconds > maxLearnDays * 86_400)
    throw new MayflyError(
      'bad_input',
      `--learn ${learn}: at most ${maxLearnDays}d: it is for finding out, not for keeping`,
    )
  return new Date(systemClock.nowMs() + seconds * 1000).toISOString().slice(0, 10)
}

async function answersOf(
  options: InitOptions,
  found: readonly IssuingCi[],
  survey: ReturnType<typeof surveyUses>,
): Promise<Answers> {
  const isAsking = !options.yes
  const ci = await ciOf(options, found, isAsking)
  const form = issuerForms[ci]
  const repository = await repositoryOf(options, survey, isAsking)
  const { variables } = readEnvironment()
  const known =
    options.repositoryId ??
    (ci === 'github'
      ? variables['GITHUB_REPOSITORY_ID']
      : ci === 'gitlab'
        ? variables['CI_PROJECT_ID']
        : undefined)
  const answer = (value: string | undefined, option: string, text: string, is: RegExp) =>
    value === undefined
      ? ask(
          { text: text.replace('OWNER/NAME', repository.path), option, isAnswer: (one) => is.test(one) },
          isAsking,
        )
      : checkedAnswer(value, option, text, is)
  const id = await answer(known, '--repository-id', form.idText, form.id)
  const issuerUrl =
    form.url === undefined
      ? ownIssuerUrl(ci, options.issuerUrl, repository)
      : await answer(options.issuerUrl, '--issuer-url', form.urlText ?? '', form.url)
  const said = options.ownerId ?? (ci === 'github' ? variables['GITHUB_REPOSITORY_OWNER_ID'] : undefined)
  const ownerId =
    said === undefined || form.owner === undefined
      ? undefined
      : checkedAnswer(said, '--owner-id', form.owner.text, form.owner.is)
  return {
    ci,
    repository,
    id,
    ...(ownerId === undefined ? {} : { ownerId }),
    ...(issuerUrl === undefined ? {} : { issuerUrl }),
  }
}

async function ciOf({ ci }: InitOptions, found: readonly IssuingCi[], isAsking: boolean): Promise<IssuingCi> {
  const [only, ...others] = found
  const named = ci ?? (others.length === 0 ? only : undefined)
  const is = (text: string): boolean => issuingCis.some((one) => one === text)
  const answer =
    named ??
    (await ask(
      {
        text: `which CI: ${(found.length > 0 ? found : issuingCis).join(', ')}`,
        option: '--ci',
        isAnswer: is,
      },
      isAsking,
    ))
  if (!is(answer))
    throw new MayflyError(
      'bad_input',
      `--ci ${answer}: one of ${issuingCis.join(', ')}; others by hand: docs/issuers.md`,
    )
  return answer as IssuingCi
}

async function repositoryOf(
  options: InitOptions,
  { remote, defaultBranch }: ReturnType<typeof surveyUses>,
  isAsking: boolean,
): Promise<RepositoryFacts> {
  const read = (text: string) => remoteFrom(text.includes(':') ? text : `https://github.com/${text}`)
  const text = 'the repository: OWNER/NAME on GitHub, or its address'
  const isThere = options.repository !== undefined || remote !== undefined
  const answer = isThere
    ? options.repository
    : await ask({ text, option: '--repository', isAnswer: (one) => read(one) !== undefined }, isAsking)
  const found = answer === undefined ? remote : read(answer)
  if (found === undefined) throw new MayflyError('bad_input', `--repository ${answer ?? ''}: ${text}`)
  const branch = options.branch ?? defaultBranch
  if (!/^[\w./-]{1,200}$/.test(branch))
    throw new MayflyError('bad_input', `--branch ${branch}: the name of a branch is wanted`)
  return { ...found, defaultBranch: branch }
}

function lines(
  answers: Answers,
  uses: readonly Use[],
  { secrets, fillIn }: PolicyDraft,
  findings: readonly PlacedFinding[],
  { output, learn }: InitOptions,
  pipelines: readonly string[],
): string[] {
  const { warning } = issuerForms[answers.ci]
  return [
    `${answers.ci}: ${pipelines.join(', ') || 'no pipeline file'}`,
    `repository ${answers.repository.path} on ${answers.repository.host}, id ${answers.id}`,
    ...uses.map(({ what, where }) => `${what}: ${where}`),
    '',
    `${output} is written.`,
    ...(learn === false
      ? []
      : [
          'The role "build" learns: on its own connections it records what its grants deny, and lets it pass, until the day that its `until` names.',
        ]),
    ...findings.map(({ severity, message }) => `${severity}: ${message}`),
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
    ...(fillIn.length === 0 ? [] : ['', 'To fill in:', ...fillIn.map((one) => `  ${one}`)]),
    '',
    'Next:',
    ...secrets.map(({ name, holds }) => `  mayfly secret set ${name}   # ${holds}`),
    `  mayfly apply ${output}`,
    '  mayfly pipeline migrate          # what becomes of the pipeline files',
    '  mayfly policy shadow-report      # after some runs: the grants to add',
    '  mayfly policy suggest --from-run RUN   # the least that one run needed',
  ]
}

function plain(
  answers: Answers,
  uses: readonly Use[],
  policy: PolicyDraft,
  findings: readonly PlacedFinding[],
  { output }: InitOptions,
): object {
  return {
    written: output,
    ci: answers.ci,
    repository: answers.repository,
    uses: uses.map(({ what, where }) => ({ what, where })),
    policy: policy.text,
    secrets: policy.secrets,
    fill_in: policy.fillIn,
    lint: findings.map(({ severity, message }) => ({ severity, message })),
  }
}

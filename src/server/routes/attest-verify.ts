import { z } from 'zod'
import { MayflyError, sha256Hex } from '../../lib/index.ts'
import type { Attestor, VerifiedArtifact } from '../../attest/attestor/index.ts'
import { demandProblems, demandsOf, type Demands } from '../../attest/verify/index.ts'
import { demandsSchema, formatProblem, parseConfig, verifyPolicySchema } from '../../config/index.ts'
import { withBody, type Call, type Route } from '../route.ts'

const object = z.looseObject({})

const body = z.strictObject({
  artifacts: z
    .array(
      z.strictObject({
        digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a digest is `sha256:` and 64 hexadecimal digits'),
        name: z.string().min(1).max(1_000).optional(),
        resource_uri: z.string().min(1).max(2_048).optional(),
      }),
    )
    .min(1)
    .max(20),
  policy: z
    .strictObject({ text: z.string().max(16_384), uri: z.string().max(2_048).optional() })
    .optional()
    .describe('A policy of `mayfly verify`, as its file has it. Whose signatures count is not read from it.'),
  require: demandsSchema.optional().describe('The demands alone, in place of a policy.'),
  bundles: z.array(object).max(50).default([]).describe('Attestations that this server does not have.'),
  trusted_roots: z
    .array(object)
    .max(10)
    .default([])
    .describe(
      'Roots under which others sign, in Sigstore’s form: then what is signed under them counts alone.',
    ),
  sign: z
    .enum(['never', 'passed', 'always'])
    .default('passed')
    .describe(
      'Of what a verification summary is signed: of nothing, of what is verified, also of what is not.',
    ),
})

type Body = z.output<typeof body>

const summary = z.union([
  z.object({ id: z.string(), predicate_type: z.string(), bundle: object }),
  z.object({ id: z.string(), pending: z.literal(true) }),
  z.object({ id: z.string(), failure: z.string() }),
])

const response = z.object({
  verified: z.boolean(),
  artifacts: z.array(
    z.object({
      digest: z.string(),
      verified: z.boolean(),
      reasons: z.array(z.string()),
      summary: summary.nullable(),
    }),
  ),
})

/** The server verifies by itself what it is asked about, and says so in a signed statement. */
export function attestVerifyRoute({ attestor }: { attestor: Pick<Attestor, 'verify'> }): Route {
  return {
    method: 'POST',
    path: '/v1/attestations/verify',
    summary: 'Hold artifacts against a policy, and sign what came of it (SLSA verification summary)',
    auth: 'attest:verify',
    bodyLimitBytes: 8_388_608,
    // Fifty bundles and ten roots have a few thousand together.
    bodyValues: 100_000,
    response,
    ...withBody(body, async (call, asked) => {
      const { demands, policy } = whatIsDemanded(asked)
      const artifacts = await attestor.verify({
        ...{ demands, policy, sign: asked.sign, trustedRoots: asked.trusted_roots },
        artifacts: asked.artifacts.map(({ digest, name, resource_uri: resourceUri }) => ({
          digest,
          ...(name === undefined ? {} : { name }),
          ...(resourceUri === undefined ? {} : { resourceUri }),
        })),
        bundles: asked.bundles.map((one) => JSON.stringify(one)),
        asked: askedBy(call),
      })
      return { verified: artifacts.every(({ ok }) => ok), artifacts: artifacts.map(describe) }
    }),
  }
}

/** It is kept until it is signed: a person is named there by the id of their token. */
function askedBy({ requestId, operator }: Call): Record<string, unknown> {
  const by = operator?.login === undefined ? operator?.name : operator.id
  return { request: requestId, by, token: operator?.id }
}

/** Throws `bad_input`, by line and column of the policy. */
function whatIsDemanded({ policy, require, trusted_roots: roots }: Body) {
  if ((policy === undefined) === (require === undefined))
    throw new MayflyError('bad_input', 'say what has to be so: by `policy`, or by `require`')
  const text = policy?.text ?? JSON.stringify({ require })
  const parsed = parseConfig(text, 'policy', verifyPolicySchema)
  if (!parsed.ok) throw new MayflyError('bad_input', parsed.problems.map(formatProblem).join('\n'))
  const { value, locate } = parsed
  if (value.shared_root !== undefined && roots.length === 0)
    throw new MayflyError(
      'bad_input',
      'the policy names a shared_root: what stands in that file is to be sent as `trusted_roots`',
    )
  const demands: Demands = demandsOf(value.require)
  const problems = demandProblems(demands, { hasRun: false, own: roots.length === 0 })
  if (problems.length > 0)
    throw new MayflyError(
      'bad_input',
      problems.map(({ message }) => formatProblem({ ...locate(['require']), message })).join('\n'),
    )
  const sha256 = sha256Hex(text)
  return { demands, policy: { uri: policy?.uri ?? `urn:mayfly:policy:sha256:${sha256}`, sha256 } }
}

function describe({ digest, ok, reasons, summary: signed }: VerifiedArtifact) {
  return {
    ...{ digest, verified: ok, reasons: [...reasons] },
    summary: signed === undefined ? null : described(signed),
  }
}

function described({ id, is }: NonNullable<VerifiedArtifact['summary']>): z.output<typeof summary> {
  if (is === 'pending') return { id, pending: true }
  if (is instanceof MayflyError) return { id, failure: is.message }
  return {
    ...{ id, predicate_type: is.predicateType ?? '' },
    bundle: JSON.parse(is.bundle) as Record<string, unknown>,
  }
}

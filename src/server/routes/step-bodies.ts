import { z } from 'zod'
import { workspaceOf } from '../step-workspace.ts'
import { engines, limits } from '../../lib/index.ts'

/* What a supervisor sends of its step, and what it is answered. */

const hexSha256 = z.string().regex(/^[0-9a-f]{64}$/)

const tier = z
  .enum(['B', 'C', 'E'])
  .describe('How it is isolated: B by all namespaces, C without one of processes, E not at all.')

export const openBody = z.object({
  name: z.string().min(1).max(160),
  role: z.string().min(1).max(64),
  tier,
  engine: z.enum(engines).optional().describe('What runs its container; bubblewrap isolates it if left out.'),
  image: z.string().max(512).optional().describe('Of its container: the name and the digest.'),
  command: z.string().max(16_384),
  workspace: workspaceOf.optional(),
  services: z
    .array(z.int().min(1).max(65_535))
    .max(32)
    .default([])
    .describe('Ports of the runner’s own localhost that the step is let to; the role must allow them.'),
})

export const counted = z.object({ what: z.string(), count: z.int() })

export const openResponse = z.object({
  step_id: z.string(),
  run_id: z.string(),
  access_token: z.string().describe('Opens the gateway; good for this step only.'),
  expires_in: z.int(),
  heartbeat_seconds: z.int(),
  grace_seconds: z.int().describe('How long the step may take to end when it is asked to.'),
  gateway: z.string(),
  ca_certificate: z.string().describe('PEM; its key stays in the gateway.'),
  ssh_host_key: z
    .string()
    .optional()
    .describe('What the gateway shows for every SSH host, as known_hosts has it without the host.'),
  grants: z.array(z.string()),
  connections: z.array(
    z.object({
      ...{ name: z.string(), kind: z.string(), url: z.string(), authority: z.string() },
      storage: z.array(z.string()).optional().describe('Hosts of its files that tools go to themselves.'),
      only: z
        .array(z.string())
        .optional()
        .describe('Of a registry: patterns of the names that it serves, if not all.'),
      sumdb: z
        .string()
        .optional()
        .describe('Of a Go module proxy: the key of its checksum database, if not Go’s own; `off`: none.'),
      settings: z
        .record(z.string(), z.unknown())
        .optional()
        .describe('Settings of the connection that the step’s tools are told.'),
      publisher_audience: z
        .string()
        .optional()
        .describe('The step may publish there with an identity token of the job that is for this audience.'),
      delivers: z
        .literal(true)
        .optional()
        .describe('The step itself is given its credential: ask for it at /v1/steps/ID/credentials.'),
    }),
  ),
  plants: z
    .literal(true)
    .optional()
    .describe('Credentials that open nothing are planted in it: they come with those that it is handed.'),
  checkout: z
    .array(z.object({ connection: z.string(), url: z.string() }))
    .describe('Where the role may read the repository of the job.'),
  egress: z
    .array(z.string())
    .describe('Hosts without a credential that the policy names one by one, as `host:port`.'),
  scan_artifacts: z
    .enum(['block', 'warn', 'record'])
    .optional()
    .describe('What becomes of secrets in files that it hands on; left out, they are not looked at.'),
  signing_audience: z
    .string()
    .optional()
    .describe(
      'Attestations are signed with an identity token of the job for this audience: hand it over with the end.',
    ),
})

const file = z.object({
  path: z.string().max(4_096),
  sha256: hexSha256,
  bytes: z.int().min(0),
})

/** All files that a step hands on. */
export const artifactsBody = z.strictObject({ files: z.array(file).max(limits.artifactFiles) })

const fileList = z.object({
  files: z
    .array(file)
    .max(limits.recordedArtifacts)
    .refine(
      (files) => Buffer.byteLength(JSON.stringify(files)) <= limits.recordedArtifactsBytes + 2,
      `at most ${limits.recordedArtifactsBytes} bytes`,
    ),
  count: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Of what `sha256sum` prints for all of them, sorted by path.'),
})

const reason = z.enum(['finished', 'cancelled', 'failed_to_start', 'timed_out'])

/** Reasons that a supervisor gives: any other end was somebody else's. */
export const supervisorReasons: ReadonlySet<string> = new Set(reason.options)

export const finishBody = z.object({
  reason,
  signing_identity: z
    .string()
    .min(1)
    .max(limits.identityTokenBytes)
    .optional()
    .describe('An identity token of the job for `signing_audience`. It is kept in memory, and in no record.'),
  exit_code: z.int().min(0).max(255).optional(),
  artifact_findings: z
    .object({
      findings: z
        .array(
          z.object({
            rule: z.string().max(100),
            confidence: z.enum(['certain', 'likely', 'possible']),
            path: z.string().max(600),
            line: z.int().min(0),
            fingerprint: z.string().max(64),
          }),
        )
        .max(40),
      more: z.int().min(0),
      unseen: z.int().min(0),
      refused: z.literal(true).optional().describe('They were not handed on.'),
    })
    .optional()
    .describe('What looks like a secret in files that it hands on.'),
  signal: z.string().max(16).optional(),
  duration_ms: z.int().min(0).optional(),
  output: z
    .object({
      stdout_bytes: z.int().min(0),
      stderr_bytes: z.int().min(0),
      stdout_sha256: hexSha256,
      stderr_sha256: hexSha256,
      merged: z.boolean().optional(),
    })
    .optional(),
  limit: z
    .enum(['memory', 'processes', 'disk', 'time', 'output'])
    .optional()
    .describe('The limit of its role that ended it.'),
  limits_held_by: z
    .enum(['cgroup2', 'cgroup1', 'rlimits', 'watch'])
    .optional()
    .describe(
      'What held it to its limits: a control group, the limits of each process, or the runner’s look.',
    ),
  script: z
    .object({
      text: z.string().max(2_000),
      of: z.enum(['run', 'argv']),
      sha256: hexSha256.optional(),
    })
    .optional()
    .describe(
      'What ran, masked and cut; its SHA-256: of the `run` of a pipeline file, or of the arguments, each ended by NUL. None if a secret stands in it.',
    ),
  resources: z
    .object({
      user_ms: z.int().min(0).optional(),
      system_ms: z.int().min(0).optional(),
      peak_memory_bytes: z.int().min(0).optional(),
      peak_of: z.enum(['step', 'process']).optional(),
    })
    .optional()
    .describe(
      'Processor time of all its processes; memory at its highest, of all of them where a control group counted it, else of the largest.',
    ),
  left_in_memory: z
    .array(
      z.object({
        folder: z.string().max(100),
        bytes: z.int().min(0),
        files: z.int().min(0),
        names: z.array(z.string().max(200)).max(20),
      }),
    )
    .max(8)
    .optional()
    .describe(
      'What it wrote outside its workspace and left: folders in memory, gone with it; some names at their top.',
    ),
  programs: z
    .object({
      seen: z.array(z.object({ program: z.string().max(400), looks: z.int().min(1) })).max(40),
      looks: z.int().min(1),
      more: z.int().min(0),
    })
    .optional()
    .describe(
      'Programs that were running at one of so many looks; what lived between two of them is not among them.',
    ),
  log: z
    .object({
      bytes: z.int().min(0),
      sha256: hexSha256,
      lost_bytes: z.int().min(0).optional(),
      unsent_bytes: z.int().min(0).optional(),
    })
    .optional()
    .describe('The record that the runner made of its output.'),
  direct_attempts: z.int().min(0).optional(),
  withheld_requests: z.int().min(0).optional(),
  caches: z
    .array(
      z.object({
        name: z.string().max(256),
        generation: z.string().max(64).optional(),
        written: z.string().max(64).optional(),
      }),
    )
    .max(32)
    .optional()
    .describe('What it started with from earlier runs, and left for later ones.'),
  refusals_seen: z.int().min(0).default(0),
  secrets_seen: z
    .array(z.object({ name: z.string().max(256), count: z.int().min(1) }))
    .max(100)
    .optional()
    .describe('Secrets that its output would have shown, by name: how many masks hid each.'),
  artifacts: fileList.optional().describe('Files that it handed on to later steps.'),
  inputs: fileList.optional().describe('Files that it took of earlier steps.'),
  services: z
    .array(z.object({ port: z.int().min(1).max(65_535), connections: z.int().min(0) }))
    .max(32)
    .optional()
    .describe('Connections to services of the job, by port.'),
})

export const finishResponse = z.object({
  granted: z.array(counted),
  denied: z.array(counted.extend({ reason: z.string() })),
  refusals: z.object({ lines: z.array(z.string()), next: z.int(), more: z.int() }),
  attestations: z
    .array(
      z.object({
        kind: z.enum(['provenance', 'sbom', 'sums', 'receipt', 'vsa']),
        predicate_type: z.string().optional(),
        bundle: z.string().describe('A Sigstore bundle, as JSON text.'),
        text: z.string().optional().describe('Of `sums`: the SHA256SUMS that the bundle is about.'),
      }),
    )
    .optional()
    .describe('Of what the step made: signed by the server, in its logs, with all that it knows.'),
  attached: z
    .array(
      z.object({
        image: z.string().describe('`REPOSITORY@sha256:HEX`.'),
        connection: z.string(),
        manifests: z.array(z.string()).describe('What stands beside it now, by digest.'),
        failure: z.string().optional(),
      }),
    )
    .optional()
    .describe('The images that it pushed, beside which their attestations stand in the registry.'),
  warnings: z
    .array(z.string())
    .optional()
    .describe('What of its end the server could not do, and what to do about it; the audit log has it, too.'),
  attestations_pending: z
    .literal(true)
    .optional()
    .describe('Some could not be signed in time: they are at GET /v1/attestations?step=ID later.'),
  attestations_failed: z.array(z.string()).optional().describe('Why some will never be.'),
})

export const refusals = z.object({ lines: z.array(z.string()), next: z.int(), more: z.int() })
export const heartbeatBody = z.object({
  seen: z
    .int()
    .min(0)
    .optional()
    .describe('Refusals seen: the answer waits until there are more, or the step ends, or for a heartbeat.'),
})

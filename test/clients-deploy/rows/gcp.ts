import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { startGoogle, type FakeGoogle } from '../servers/google.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly google: FakeGoogle
}

const provider = 'projects/123/locations/global/workloadIdentityPools/mayfly/providers/mayfly'
const account = 'deploy@octo-prod.iam.gserviceaccount.com'

const grants = [
  'gcp:call prod/storage.objects.create/releases/app/*',
  'gcp:call prod/storage.objects.delete/releases/app/*',
  'gcp:call prod/storage.objects.update/releases/app/*',
  'gcp:read prod/storage.objects.get/releases/*',
  'gcp:read prod/storage.objects.list/releases',
]

/** A project whose service account is used for Mayfly's own identity. */
async function open(): Promise<World> {
  const google = await startGoogle()
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          prod: {
            ...{ kind: 'gcp', project: 'octo-prod', url: 'https://storage.googleapis.com' },
            ...{ dial: google.dial, ca: google.ca },
            credential: {
              'gcp-service-account': {
                ...{ workload_identity_provider: provider, service_account: account },
                ...{ sts: google.tokens, iam_credentials: google.tokens },
              },
            },
          },
        },
        grants: { release: grants },
      }),
  })
  return {
    ...{ stage, google },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await google[Symbol.asyncDispose]()
    },
  }
}

async function works(world: World, script: string, files?: Readonly<Record<string, string>>): Promise<Ran> {
  const ran = await inStep(world, 'release', [], workspaceOf(world, files), `set -e\n${quiet}\n${script}`)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  assert.deepEqual(
    world.google.seen.filter(({ held }) => !held),
    [],
  )
  assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, /ya29/)
  return ran
}

const quiet =
  'export CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_VERBOSITY=error CLOUDSDK_CORE_USER_OUTPUT_ENABLED=true'

export default suite<World>({
  name: 'gcp',
  needs: ['fake-gcs-server', 'gcloud'],
  open,
  rows: [
    {
      name: 'gcloud storage: files, folders, large files, copies',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          `head -c 20000000 /dev/urandom >big; mkdir site; for i in 1 2; do echo $i >"site/a b+$i.txt"; done
           gcloud storage cp big gs://releases/app/big
           gcloud storage cp gs://releases/app/big back; cmp big back
           gcloud storage cp -r site gs://releases/app/
           gcloud storage ls gs://releases/app/site/
           gcloud storage cp gs://releases/app/big gs://releases/app/big2
           gcloud storage cat "gs://releases/app/site/a b+2.txt"
           gcloud storage rm gs://releases/app/big2`,
        )
        assert.match(stdout, /a b\+2\.txt\n[^]*\n?2\n/)
        const [first] = world.google.exchanged
        const claims = JSON.parse(
          Buffer.from(String(first?.get('subject_token')).split('.')[1] ?? '', 'base64url').toString(),
        ) as Record<string, unknown>
        assert.equal(claims['aud'], `https://iam.googleapis.com/${provider}`)
        assert.match(String(world.google.exchanged[1]?.get('options')), /accessBoundaryRules/)
      },
    },
    {
      name: 'refused outside of its grants, in Google’s words, and upstream hears nothing of it',
      needs: [],
      async run(world) {
        const before = world.google.seen.length
        const ran = await works(
          world,
          `echo x >x; ! gcloud storage cp x gs://releases/other 2>&1
           ! gcloud storage buckets create gs://made 2>&1
           ! CLOUDSDK_AUTH_ACCESS_TOKEN_FILE=/dev/stdin gcloud storage ls gs://releases <<<ya30.own 2>&1`,
        )
        for (const text of [
          'storage.objects.create/releases/other',
          'storage.buckets.create/made',
          'does not show the stand-in',
        ])
          assert.ok(ran.stdout.includes(text), `${text}: ${ran.stdout}`)
        const written = world.google.seen.slice(before).filter(({ what }) => !what.startsWith('GET'))
        assert.deepEqual(written, [])
      },
    },
    {
      name: 'a step that is revoked in the middle asks nothing more',
      needs: [],
      async run(world) {
        const workspace = workspaceOf(world)
        const running = inStep(
          world,
          'release',
          [],
          workspace,
          `echo $MAYFLY_RUN >run; echo x >x; while gcloud storage cp x gs://releases/app/x; do touch first; done`,
        )
        await untilThere(join(workspace, 'first'), running)
        const run = readFileSync(join(workspace, 'run'), 'utf8').trim()
        const revoked = await world.stage.operate(['revoke', '--run', run])
        assert.equal(revoked.exitCode, 0, revoked.stderr)
        const { length } = world.google.seen
        assert.notEqual((await running).exitCode, 0)
        assert.equal(world.google.seen.length, length)
      },
    },
  ],
})

/** The step is so far. */
async function untilThere(file: string, running: Promise<Ran>): Promise<void> {
  let ended: Ran | undefined
  void running.then((ran) => (ended = ran))
  while (!existsSync(file)) {
    if (ended !== undefined) throw new Error(`the step ended: ${ended.stderr}`)
    await new Promise((next) => setTimeout(next, 20))
  }
}

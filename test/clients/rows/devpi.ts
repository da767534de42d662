import assert from 'node:assert/strict'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { startDevpi } from '../servers/devpi.ts'
import { makeWheel } from '../servers/pypiserver.ts'
import { inStep, pip, workspaceOf } from '../servers/python-step.ts'
import { extendPolicy, suite } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
}

const host = 'devpi.example.com'

/** devpi, with an index below a path, as a connection of kind pypi. */
async function open(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const { dial, ca, credential } = started.use(await startDevpi(host))
  const stage = started.use(
    await setStage({
      policy: (text) =>
        extendPolicy(text, {
          connections: {
            devpi: {
              ...{ kind: 'pypi', url: `https://${host}/root/dev/+simple/`, dial, ca },
              credential: { basic: 'secret:devpi' },
            },
          },
          grants: { build: ['pypi:install devpi'], release: ['pypi:publish devpi/octo-new@1.*'] },
        }),
    }),
  )
  await stage.operate(['secret', 'set', 'devpi'], credential)
  const running = started.move()
  return { stage, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

export default suite<World>({
  name: 'devpi',
  needs: ['devpi-server', 'python3'],
  open,
  rows: [
    {
      name: 'twine upload, pip install',
      slow: true,
      needs: ['twine', 'pip'],
      async run(world) {
        const workspace = workspaceOf(world)
        const { file, sha256 } = makeWheel(workspace, 'octo-new', '1.0')
        const upload = () =>
          inStep(world, 'release', ['twine'], workspace, `twine upload --non-interactive ${file}`)
        const first = await upload()
        assert.equal(first.exitCode, 0, `${first.stdout}${first.stderr}`)
        // This index would replace it.
        const again = await upload()
        assert.match(`${again.stdout}${again.stderr}`, /File already exists/)
        const requirements = `octo-new==1.0 --hash=sha256:${sha256}\n`
        const { exitCode, stdout, stderr } = await inStep(
          world,
          'build',
          [],
          workspaceOf(world, { 'requirements.txt': requirements }),
          `${pip} --target . -r requirements.txt && /usr/bin/python3 -c 'import octo_new; print(octo_new.answer)'`,
        )
        assert.equal(exitCode, 0, stderr)
        assert.match(stdout, /^octo-new 1\.0$/m)
      },
    },
  ],
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { projectFolder, setStage, type Stage } from '../../../demo/stage.ts'

let stage: Stage
before(async () => {
  stage = await setStage({
    policy: (policy) =>
      `${policy}  trusted:\n    trust: { issuer: ci, repository_id: "1296269" }\n    isolation: none\n    grants: [ "git:read git/octo-org/links" ]\n`,
  })
})
after(() => stage[Symbol.asyncDispose]())

const mayfly = join(projectFolder, 'bin/mayfly')
const tiers = {
  'in the sandbox': '--role build',
  'without a sandbox': '--role trusted --isolation none',
}

/** A job: a bash that runs these arguments, or else its input, as CI agents start it. */
async function job(args: readonly string[], input = ''): Promise<{ stdout: string; stderr: string }> {
  const shell = spawn('bash', args, { cwd: stage.workspace, env: stage.jobEnvironment() })
  shell.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  return { stdout, stderr }
}

for (const [where, options] of Object.entries(tiers)) {
  test(`${where}, a step writes into the script that the job’s shell reads`, async () => {
    writeFileSync(
      join(stage.workspace, 'step.sh'),
      'echo the step ran; echo "echo the step speaks as the job >&2" > /proc/self/fd/0\n',
    )
    const ran = await job([], `${mayfly} run ${options} -- bash step.sh\necho the job goes on\n`)
    assert.equal(ran.stdout, 'the step ran\nthe job goes on\n')
    assert.doesNotMatch(ran.stderr, /speaks as the job/)
  })

  test(`${where}, a step overwrites the file, and reads the folder, that Mayfly was given as input`, async () => {
    const file = join(stage.folder, 'input.txt')
    const folder = join(stage.folder, 'input')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'secret'), 'a file of the machine')
    writeFileSync(file, 'as it was')
    const attack = (input: string, script: string) =>
      job(['-c', `${mayfly} run ${options} -- sh -c "$1" < ${input}`, 'bash', script])
    const written = await attack(file, 'echo ran; echo changed 1<> /proc/self/fd/0; cat > /dev/null')
    assert.match(written.stdout, /^ran$/m)
    assert.equal(readFileSync(file, 'utf8'), 'as it was')
    const read = await attack(folder, 'echo ran; cat /proc/self/fd/0/secret')
    assert.equal(read.stdout, 'ran\n')
  })
}

import type { Declared, FindSecrets } from './file-parts.ts'
import { shellSecrets } from './shell-variables.ts'

/** Secured variables of Bitbucket, by their names, and those of a deployment. */
export function bitbucketSecrets(declared: Declared): FindSecrets {
  return (source, { text, path }, inCommand) => {
    const key = path.at(-1) ?? ''
    if (key === 'deployment' && path[0] === 'pipelines')
      return [{ name: text.value, store: 'deployment', span: text.span, certain: true, inCommand: false }]
    const isSet = ['variables', 'image', 'aws'].includes(path.at(-2) ?? '')
    return shellSecrets(source, text, declared, { inCommand, ...(isSet ? { target: key } : {}) })
  }
}

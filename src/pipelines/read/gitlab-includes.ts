import type { Reference } from '../model.ts'
import { localReference, reference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

/** https://docs.gitlab.com/ci/yaml/#include */
export function gitlabIncludes(view: YamlView): Reference[] {
  return view.items().flatMap(includeOf)
}

function includeOf(view: YamlView): Reference[] {
  if (view.text !== undefined)
    return /^https?:\/\//.test(view.text.value)
      ? [remote(view, view)]
      : [localReference('include', view.text)]
  const local = view.get('local').text
  if (local !== undefined) return [localReference('include', local)]
  const component = view.get('component').text
  if (component !== undefined) {
    const at = component.value.lastIndexOf('@')
    const [name, version] =
      at === -1 ? [component.value, undefined] : [component.value.slice(0, at), component.value.slice(at + 1)]
    return [reference('component', component, name, version === '~latest' ? 'latest' : version)]
  }
  if (view.get('remote').isThere) return [remote(view.get('remote'), view)]
  const template = view.get('template').text
  // Part of GitLab itself: it changes with the server alone.
  if (template !== undefined) return [{ kind: 'include', text: template, name: template.value, pin: 'exact' }]
  const project = view.get('project').text
  if (project === undefined) return []
  return [reference('include', project, project.value, view.get('ref').value)]
}

function remote(url: YamlView, view: YamlView): Reference[][number] {
  const { text } = url
  const one = text ?? { value: '', span: view.span }
  const isFixed = view.get('integrity').isThere || /\/[0-9a-f]{40}\//.test(one.value)
  return { kind: 'include', text: one, name: one.value, pin: isFixed ? 'digest' : 'floating' }
}

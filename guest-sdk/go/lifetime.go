package wasmload

// How long things of the engine live: what an iteration makes is let go of at its end, unless it is kept. The
// collector would come too late: it counts bytes of the script, and the bodies of responses are the engine's.

// resource is a thing that the engine keeps.
type resource interface{ Drop() }

var (
	// isIterating says whether what is made now ends with the iteration.
	isIterating bool
	// made is what this iteration made, in its order.
	made []resource
)

// tracked has a thing end with the iteration, if one runs.
func tracked[T resource](thing T) T {
	leaves(0)
	if isIterating {
		made = append(made, thing)
	}
	return thing
}

// kept has a thing that was made in this iteration live as long as the user.
func kept(thing resource) {
	for place := len(made) - 1; place >= 0; place-- {
		if made[place] == thing {
			made = append(made[:place], made[place+1:]...)
			return
		}
	}
}

func iterate(flow func() error) error {
	isIterating = true
	err := flow()
	isIterating = false
	// The last first: what was made of another thing ends before it.
	for place := len(made) - 1; place >= 0; place-- {
		made[place].Drop()
		made[place] = nil
	}
	made = made[:0]
	leaves(0)
	return err
}
